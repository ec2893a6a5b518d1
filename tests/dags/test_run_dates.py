"""Which date a run owns, for runs as Airflow itself makes them, in timezones where a day is odd."""

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
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from comets.run import run_date
from comets.settings import DAG_ID, SETTINGS_FILE_VARIABLE, settings
from include.sandbox.client import SandboxClient
from tests.conftest import FAST_SETTINGS
from tests.dags.worlds import RunDag

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
KOLKATA = "Asia/Kolkata"
LORD_HOWE = "Australia/Lord_Howe"

# Instants, in UTC, at which a date begins: on ordinary days, and around those on which the clocks change.
MIDNIGHTS = {
    "UTC": {"2025-03-30T00:00Z": "2025-03-30"},
    BERLIN: {
        "2025-03-29T23:00Z": "2025-03-30",
        "2025-03-30T22:00Z": "2025-03-31",
        "2025-10-25T22:00Z": "2025-10-26",
        "2025-10-26T23:00Z": "2025-10-27",
    },
    NEW_YORK: {
        "2025-03-09T05:00Z": "2025-03-09",
        "2025-03-10T04:00Z": "2025-03-10",
        "2025-11-02T04:00Z": "2025-11-02",
        "2025-11-03T05:00Z": "2025-11-03",
    },
    KOLKATA: {"2025-03-29T18:30Z": "2025-03-30"},
    # Here the clocks change by half an hour, at 02:00.
    LORD_HOWE: {
        "2025-04-05T13:00Z": "2025-04-06",
        "2025-04-06T13:30Z": "2025-04-07",
        "2025-10-04T13:30Z": "2025-10-05",
        "2025-10-05T13:00Z": "2025-10-06",
    },
}
# The day before and the day after one on which the clocks change.
CLOCK_CHANGES = [
    (BERLIN, "2025-03-29", "2025-03-31"),
    (BERLIN, "2025-10-25", "2025-10-27"),
    (NEW_YORK, "2025-03-08", "2025-03-10"),
    (NEW_YORK, "2025-11-01", "2025-11-03"),
    (LORD_HOWE, "2025-04-05", "2025-04-07"),
    (LORD_HOWE, "2025-10-04", "2025-10-06"),
]
around_each_clock_change = pytest.mark.parametrize(("timezone", "first", "last"), CLOCK_CHANGES)

LoadDag = Callable[[str], SerializedDAG]


@pytest.fixture
def use_timezone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put another timezone into the settings file that is in force."""

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
    """An installation in India."""
    use_timezone(KOLKATA)


@pytest.fixture
def load_dag(use_timezone: Callable[[str], None]) -> LoadDag:
    """Load the Dag of an installation in another timezone, as the scheduler knows it."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    def load(timezone: str) -> SerializedDAG:
        use_timezone(timezone)
        return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(DagBag().dags[DAG_ID]))

    return load


@pytest.fixture
def stored_dag(metadata: None, load_dag: LoadDag) -> Iterator[LoadDag]:
    """The same, and known to Airflow's database; nothing of it is left there."""
    handler = signal.getsignal(signal.SIGTERM)

    def store(timezone: str) -> SerializedDAG:
        dag = load_dag(timezone)
        airflow("dags", "reserialize")
        return dag

    yield store
    delete_dag(DAG_ID)
    # The command line takes it over.
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("timezone", MIDNIGHTS)
def test_a_year_of_the_schedule_has_every_local_date_exactly_once(load_dag: LoadDag, timezone: str) -> None:
    dag = load_dag(timezone)
    ticks = [first_tick(dag, "2025-01-01", timezone)]
    while len(ticks) < 365:
        ticks.append(tick_after(dag, ticks[-1]))
    assert [run_date(tick, timezone) for tick in ticks] == dates("2025-01-01", "2025-12-31")


@pytest.mark.parametrize("timezone", MIDNIGHTS)
def test_a_backfill_of_a_year_covers_every_local_date_exactly_once(load_dag: LoadDag, timezone: str) -> None:
    start, end = local("2025-01-01", timezone), local("2026-01-01", timezone) - timedelta(seconds=1)
    ticks = load_dag(timezone).iter_dagrun_infos_between(start, end)
    assert [run_date(tick, timezone) for tick in ticks] == dates("2025-01-01", "2025-12-31")


@around_each_clock_change
def test_a_scheduled_run_owns_the_local_day_of_its_tick(
    stored_dag: LoadDag, timezone: str, first: str, last: str
) -> None:
    dag = stored_dag(timezone)
    tick = first_tick(dag, first, timezone)
    for expected in dates(first, last):
        schedule(dag, tick)
        assert [owned(run, timezone) for run in stored_runs() if run.logical_date == tick.logical_date] == [expected]
        tick = tick_after(dag, tick)


@around_each_clock_change
def test_a_backfilled_run_owns_the_local_day_of_its_tick(
    stored_dag: LoadDag, timezone: str, first: str, last: str
) -> None:
    stored_dag(timezone)
    start, end = local(first, timezone), local(last, timezone) + timedelta(hours=23, minutes=59)
    airflow("backfill", "create", "--dag-id", DAG_ID, "--from-date", start.isoformat(), "--to-date", end.isoformat())
    runs = stored_runs()
    assert {run.run_type for run in runs} == {DagRunType.BACKFILL_JOB}
    assert [owned(run, timezone) for run in runs] == dates(first, last)


@pytest.mark.parametrize("timezone", MIDNIGHTS)
def test_a_run_with_a_logical_date_owns_its_local_day_whenever_it_is_made(stored_dag: LoadDag, timezone: str) -> None:
    stored_dag(timezone)
    for logical_date, expected in around_midnights(timezone):
        trigger_dag(
            DAG_ID,
            triggered_by=DagRunTriggeredByType.REST_API,
            logical_date=logical_date,
            run_after=logical_date + timedelta(days=100),
        )
        [run] = [run for run in stored_runs() if run.logical_date == logical_date]
        assert owned(run, timezone) == expected


@pytest.mark.parametrize(
    ("run_type", "triggered_by"),
    [
        (DagRunType.MANUAL, DagRunTriggeredByType.UI),
        (DagRunType.ASSET_TRIGGERED, DagRunTriggeredByType.ASSET),
    ],
)
@pytest.mark.parametrize("timezone", MIDNIGHTS)
def test_a_run_without_a_logical_date_owns_the_local_day_from_which_it_may_run(
    stored_dag: LoadDag, timezone: str, run_type: DagRunType, triggered_by: DagRunTriggeredByType
) -> None:
    stored_dag(timezone)
    for run_after, expected in around_midnights(timezone):
        trigger_dag(DAG_ID, triggered_by=triggered_by, run_type=run_type, run_after=run_after)
        [run] = [run for run in stored_runs() if run.run_after == run_after]
        assert (run.run_type, run.logical_date) == (run_type, None)
        assert owned(run, timezone) == expected


def test_a_whole_run_keeps_to_the_configured_timezone(
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
    """The first run of the schedule from a local date on."""
    start = local(day, timezone)
    return next(iter(dag.iter_dagrun_infos_between(start, start + timedelta(days=2))))


def tick_after(dag: SerializedDAG, tick: DagRunInfo) -> DagRunInfo:
    """The run that the scheduler makes after another one."""
    following = dag.next_dagrun_info(last_automated_run_info=tick, restricted=False)
    assert following is not None
    return following


def schedule(dag: SerializedDAG, tick: DagRunInfo) -> None:
    """Make a run as the scheduler does."""
    assert tick.data_interval is not None
    run_id = dag.timetable.generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=tick.run_after, data_interval=tick.data_interval
    )
    dag.create_dagrun(
        run_id=run_id,
        logical_date=tick.logical_date,
        data_interval=tick.data_interval,
        run_after=tick.run_after,
        run_type=DagRunType.SCHEDULED,
        triggered_by=DagRunTriggeredByType.TIMETABLE,
        state=DagRunState.QUEUED,
    )


def stored_runs() -> list[DagRun]:
    """The runs in Airflow's database, in the order of their instants."""
    with create_session() as session:
        runs = session.scalars(select(DagRun).where(DagRun.dag_id == DAG_ID)).all()
        return sorted(runs, key=lambda run: run.logical_date or run.run_after)


def owned(run: DagRun, timezone: str) -> date:
    """The date that a run's tasks give it: they get the run as text from the API server."""
    text = DagRunForTasks.model_validate(run).model_dump_json()
    return run_date(DagRunInTask.model_validate_json(text), timezone)


def around_midnights(timezone: str) -> Iterator[tuple[datetime, date]]:
    """The last second of each day before, and the first of the next, with their dates."""
    for midnight, begins in MIDNIGHTS[timezone].items():
        instant, begun = datetime.fromisoformat(midnight), date.fromisoformat(begins)
        yield instant - timedelta(seconds=1), begun - timedelta(days=1)
        yield instant, begun


def airflow(*arguments: str) -> None:
    """Run Airflow's command line in this process."""
    parsed = get_parser().parse_args(arguments)
    parsed.func(parsed)


def dates(first: str, last: str) -> list[date]:
    """All dates from the first to the last, both included."""
    start = date.fromisoformat(first)
    return [start + timedelta(days=number) for number in range((date.fromisoformat(last) - start).days + 1)]


def local(day: str, timezone: str) -> datetime:
    """The begin of a date in a timezone."""
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(timezone))
