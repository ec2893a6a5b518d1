"""The date of a run, for runs created by Airflow, in timezones with clock changes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.api.common.delete_dag import delete_dag
from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.execution_api.datamodels.taskinstance import DagRun as DagRunForTasks
from airflow.cli.cli_parser import get_parser
from airflow.models.dagrun import DagRun
from airflow.sdk.api.datamodels._generated import DagRun as DagRunInTask
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.timetables.base import DagRunInfo
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from comets.dates import run_date
from comets.settings import DAG_ID, SETTINGS_FILE_VARIABLE, settings
from include.sandbox.client import SandboxClient
from tests.conftest import FAST_SETTINGS
from tests.dags.worlds import RunDag

BERLIN = "Europe/Berlin"
KOLKATA = "Asia/Kolkata"
LORD_HOWE = "Australia/Lord_Howe"

MIDNIGHTS = {
    BERLIN: {"2025-03-29T23:00Z": "2025-03-30", "2025-10-26T23:00Z": "2025-10-27"},
    # Clocks change by half an hour at 02:00.
    LORD_HOWE: {"2025-04-06T13:30Z": "2025-04-07", "2025-10-04T13:30Z": "2025-10-05"},
}
CLOCK_CHANGES = [(BERLIN, "2025-03-29", "2025-03-31"), (LORD_HOWE, "2025-10-04", "2025-10-06")]

LoadDag = Callable[[str], SerializedDAG]


@pytest.fixture
def use_timezone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the timezone in the settings file."""

    def use(timezone: str) -> None:
        path = tmp_path / "comets.yaml"
        text = FAST_SETTINGS.read_text(encoding="utf-8")
        path.write_text(text.replace("\ntimezone: UTC\n", f"\ntimezone: {timezone}\n"), encoding="utf-8")
        monkeypatch.setenv(SETTINGS_FILE_VARIABLE, str(path))
        settings.cache_clear()
        assert settings().timezone == timezone

    yield use
    settings.cache_clear()


@pytest.fixture
def kolkata(use_timezone: Callable[[str], None]) -> None:
    """The timezone Asia/Kolkata."""
    use_timezone(KOLKATA)


@pytest.fixture
def load_dag(use_timezone: Callable[[str], None]) -> LoadDag:
    """Load the serialized Dag for a timezone."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    def load(timezone: str) -> SerializedDAG:
        use_timezone(timezone)
        return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(DagBag().dags[DAG_ID]))

    return load


@pytest.fixture
def stored_dag(metadata: None, load_dag: LoadDag) -> Iterator[LoadDag]:
    """Load the Dag into Airflow's database; delete it at the end."""
    handler = signal.getsignal(signal.SIGTERM)

    def store(timezone: str) -> SerializedDAG:
        dag = load_dag(timezone)
        airflow("dags", "reserialize")
        return dag

    yield store
    delete_dag(DAG_ID)
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("timezone", MIDNIGHTS)
def test_schedule_covers_each_local_date_once(load_dag: LoadDag, timezone: str) -> None:
    dag = load_dag(timezone)
    ticks = [first_tick(dag, "2025-01-01", timezone)]
    while len(ticks) < 365:
        ticks.append(tick_after(dag, ticks[-1]))
    assert [run_date(tick, timezone) for tick in ticks] == dates("2025-01-01", "2025-12-31")
    # 03:00 on dates without a 02:00.
    assert {tick.run_after.astimezone(ZoneInfo(timezone)).hour for tick in ticks} <= {2, 3}


@pytest.mark.parametrize(("timezone", "first", "last"), CLOCK_CHANGES)
def test_backfilled_run_owns_the_local_date_of_its_tick(
    stored_dag: LoadDag, timezone: str, first: str, last: str
) -> None:
    stored_dag(timezone)
    start, end = local(first, timezone), local(last, timezone) + timedelta(hours=23, minutes=59)
    airflow("backfill", "create", "--dag-id", DAG_ID, "--from-date", start.isoformat(), "--to-date", end.isoformat())
    runs = [run for run in stored_runs() if run.run_type == DagRunType.BACKFILL_JOB]
    assert [owned(run, timezone) for run in runs] == dates(first, last)


@pytest.mark.parametrize("timezone", MIDNIGHTS)
def test_run_owns_its_local_logical_date_or_else_its_run_after_date(stored_dag: LoadDag, timezone: str) -> None:
    stored_dag(timezone)
    for instant, expected in around_midnights(timezone):
        later = instant + timedelta(days=100)
        trigger_dag(DAG_ID, triggered_by=DagRunTriggeredByType.REST_API, logical_date=instant, run_after=later)
        trigger_dag(DAG_ID, triggered_by=DagRunTriggeredByType.UI, run_after=instant)
        runs = [run for run in stored_runs() if instant in (run.logical_date, run.run_after)]
        assert {run.logical_date for run in runs} == {instant, None}
        assert [owned(run, timezone) for run in runs] == [expected] * 2


def test_run_uses_the_configured_timezone(
    kolkata: None, run_dag: RunDag, rows: Callable[..., list[dict[str, Any]]], sandbox: SandboxClient
) -> None:
    two_o_clock = "2026-02-28T20:30:00+00:00"
    sandbox.set_clock(two_o_clock)
    outcome = run_dag(two_o_clock, {"hashtags": ["gymtok"], "pages_per_hashtag": 1})

    assert outcome.state == "success"
    assert rows("select recorded_date, timezone from comet_runs") == [
        {"recorded_date": date(2026, 3, 1), "timezone": KOLKATA}
    ]
    assert rows("select distinct recorded_date, basis from creator_stats") == [
        {"recorded_date": date(2026, 3, 1), "basis": "observed"}
    ]


def first_tick(dag: SerializedDAG, day: str, timezone: str) -> DagRunInfo:
    """Return the first scheduled run from a local date on."""
    start = local(day, timezone)
    return next(iter(dag.iter_dagrun_infos_between(start, start + timedelta(days=2))))


def tick_after(dag: SerializedDAG, tick: DagRunInfo) -> DagRunInfo:
    """Return the next scheduled run after another."""
    following = dag.next_dagrun_info(last_automated_run_info=tick, restricted=False)
    assert following is not None
    return following


def stored_runs() -> list[DagRun]:
    """Return the runs in Airflow's database by instant."""
    with create_session() as session:
        runs = session.scalars(select(DagRun).where(DagRun.dag_id == DAG_ID)).all()
        return sorted(runs, key=lambda run: run.logical_date or run.run_after)


def owned(run: DagRun, timezone: str) -> date:
    """Return the date of a run as its tasks read it from the API server."""
    text = DagRunForTasks.model_validate(run).model_dump_json()
    return run_date(DagRunInTask.model_validate_json(text), timezone)


def around_midnights(timezone: str) -> Iterator[tuple[datetime, date]]:
    """Yield the instants just before and at each midnight, with their dates."""
    for midnight, begins in MIDNIGHTS[timezone].items():
        instant, begun = datetime.fromisoformat(midnight), date.fromisoformat(begins)
        yield instant - timedelta(seconds=1), begun - timedelta(days=1)
        yield instant, begun


def airflow(*arguments: str) -> None:
    """Run Airflow's CLI in this process."""
    parsed = get_parser().parse_args(arguments)
    parsed.func(parsed)


def dates(first: str, last: str) -> list[date]:
    """Return all dates of a period, inclusive."""
    start = date.fromisoformat(first)
    return [start + timedelta(days=number) for number in range((date.fromisoformat(last) - start).days + 1)]


def local(day: str, timezone: str) -> datetime:
    """Return the start of a date in a timezone."""
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(timezone))
