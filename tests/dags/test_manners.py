"""The Dag in Airflow's UI and logs: task groups, sentences instead of SQL, notes of runs, tables of errors."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.sdk import DAG
from airflow.utils.session import create_session
from sqlalchemy import delete, select

from comets.runs.notes import AUTHOR, MAX_CHARS, push_run_note, write_run_note
from docs.error_table import DAGS_FOLDER, ERRORS, with_error_table
from tests.conftest import PROJECT_FOLDER
from tests.dags.worlds import SEARCH, World, cast, page_of

FIVE = cast(5)
GROUPS = {
    "search": {"extract_videos", "check_search", "filter_comets", "upsert_creators"},
    "profiles": {"plan_roll_call", "roll_call", "check_roll_call"},
    "publish": {"update_creators", "record_growth", "score_creators", "report"},
}
MAX_DAG_FILE_LINES = 66


@pytest.fixture(scope="module")
def dag() -> DAG:
    found: DAG = DagBag(str(PROJECT_FOLDER / "dags")).dags["comet_discovery"]
    return found


def test_steps_stand_in_groups_and_keep_their_ids(dag: DAG) -> None:
    groups = {name: set(group.children) for name, group in dag.task_group.get_task_group_dict().items() if name}
    assert groups == GROUPS
    assert set(dag.task_ids) == {"accept_run"}.union(*GROUPS.values())
    assert not set(groups) & set(dag.task_ids)


def test_the_dag_file_fits_on_a_screen() -> None:
    text = (PROJECT_FOLDER / "dags" / "comet_discovery.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_DAG_FILE_LINES


def test_steps_log_their_result_and_no_sql(world: World) -> None:
    first = world.run("2026-03-01", page_of(*FIVE[:3]))
    world.run("2026-03-02", page_of())
    third = world.run("2026-03-03", page_of(*FIVE[:4]))
    for line in (
        "Run for 2026-03-01 accepted (past date, landed data is reused): 1 hashtags in 1 tasks: #gymtok",
        "#gymtok: 1 pages in the landing, 0 profiles fetched",
        "All 4 checks passed",
        "3 Comets qualify, 3 of them new",
        "3 creators upserted, 3 of them new",
        "3 creators to fetch, in 1 batches",
        "Batch 1: 3 fetched",
        "3 snapshots stored for 2026-03-01, 0 of them estimated and 0 backdated",
        "3 creators ranked for 2026-03-01, 0 of them graduated",
    ):
        assert line in first.log, line
    assert "4 Comets qualify, 1 of them new" in third.log
    for text in ("Executing:", "Running statement", "Rows affected", "insert into", "set_config", "select "):
        assert text not in first.log + third.log, text


def test_estimated_snapshots_are_counted(world: World) -> None:
    world.run("2026-03-01", page_of(*FIVE[:2]))
    world.run("2026-03-03", page_of(*FIVE[:2]))
    replay = world.run("2026-03-02", page_of(*FIVE[:2]), clock="2026-03-03T03:00:00Z")
    assert "2 snapshots stored for 2026-03-02, 2 of them estimated and 0 backdated" in replay.log


def note_of(run_id: str) -> tuple[str | None, str | None]:
    """Text and author of a run's note, as the REST API reads them."""
    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
        return run.note, run.dag_run_note.user_id if run.dag_run_note else None


def test_the_note_of_a_run_has_its_date_and_result(world: World) -> None:
    run = world.run("2026-03-01", page_of(*FIVE[:3]))
    assert note_of(run.run_id) == ("2026-03-01: 3 Comets, 3 new; 4 calls, about 0.00 USD", AUTHOR)


def test_the_note_of_a_failed_run_has_its_reason(world: World) -> None:
    failing = {"route": SEARCH, "keyword": "other", "fault": "status", "status": 422}
    run = world.run("2026-03-01", page_of(FIVE[0]), failing, hashtags=["gymtok", "other"])
    text, _ = note_of(run.run_id)
    assert run.state == "failed"
    assert re.match(
        r"2026-03-01: failed: hashtag #other \(.*422.*\)\. 1 Comet, 1 new; 3 calls, about 0\.00 USD$", str(text)
    )
    stopped = world.run("2026-03-02", {"route": SEARCH, "fault": "items", "items": []})
    text, _ = note_of(stopped.run_id)
    assert str(text).startswith("2026-03-02: failed: check_roll_call, check_search. 0 of 1 hashtags ")


def test_the_note_of_a_refused_run_says_why(world: World) -> None:
    run = world.run("2026-03-01", min_followers=9, max_followers=1)
    text, _ = note_of(run.run_id)
    assert str(text).startswith("2026-03-01: The run is refused, no call was made. Invalid params: min_followers (9) ")


@pytest.fixture
def ended_run(world: World) -> str:
    return world.run("2026-03-01", page_of(FIVE[0])).run_id


def end_again(run_id: str, note: Any = None) -> None:
    """Write the note as the listener does, after a person has set another one."""
    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
        if note:
            session.execute(delete(type(run.dag_run_note)).where(type(run.dag_run_note).dag_run_id == run.id))
            session.expire(run)
            run.note = note
            session.flush()
        write_run_note(run)


def test_a_persons_note_stays_and_an_own_one_is_renewed(ended_run: str) -> None:
    own = note_of(ended_run)
    end_again(ended_run, ("stale", AUTHOR))
    assert note_of(ended_run) == own
    end_again(ended_run, ("Ada: looked at it", "ada"))
    assert note_of(ended_run) == ("Ada: looked at it", "ada")
    end_again(ended_run, ("without a user", None))
    assert note_of(ended_run) == ("without a user", None)


def test_a_failure_leaves_the_schedulers_transaction_intact(
    ended_run: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == ended_run)).one()
        run.creating_job_id = 7
        monkeypatch.setattr("comets.runs.notes.XCOM_KEY", "nul \0 in a key")
        write_run_note(run)
    with create_session() as session:
        assert session.scalar(select(DagRun.creating_job_id).where(DagRun.run_id == ended_run)) == 7
    assert f"The note of run {ended_run} was not written" in caplog.text


def test_a_note_fits_airflows_column() -> None:
    pushed: dict[str, Any] = {}
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda **arguments: pushed.update(arguments))}
    push_run_note(context, "2026-03-01", "long\n" * 1000)  # type: ignore[arg-type]
    assert len(pushed["value"]["text"]) == MAX_CHARS
    assert "\n" not in pushed["value"]["text"]


@pytest.mark.parametrize("name", ERRORS)
def test_the_table_of_errors_is_that_of_the_classes(name: str) -> None:
    page = (DAGS_FOLDER / name).read_text(encoding="utf-8")
    assert page == with_error_table(page, *ERRORS[name]), "run `python -m docs.generate`"
