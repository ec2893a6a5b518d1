"""Killed tasks and database outages under the real scheduler do not change the results of runs.

Tests set `retries.delay_seconds` to 0, so Airflow retries killed tasks at once.
"""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass

import pytest

from comets.calls.retry_policy import DATABASE_TRIES
from comets.settings import DAG_ID
from tests.dags.worlds import PROFILE, SEARCH
from tests.stack.disturbed_days import CONF, DAY_2, RUN_2, DayResult, DisturbedDays, restart, stop
from tests.stack.running_stack import RunningStack
from tests.steps.builders import CONTENTS


@pytest.fixture(scope="module")
def days(stack: RunningStack) -> DisturbedDays:
    """The days after day 1."""
    return DisturbedDays(stack)


@pytest.fixture(scope="module")
def undisturbed(days: DisturbedDays) -> DayResult:
    """Day 2 undisturbed."""
    result = days.undisturbed()
    assert all(result.contents.values())
    return result


@pytest.fixture(scope="module")
def killed(days: DisturbedDays, undisturbed: DayResult) -> DayResult:
    """Day 2 with a crash of every task at every point."""
    return days.killed()


@dataclass(frozen=True)
class Outage:
    """Day 2 with three database restarts and one long outage."""

    state: str
    """State of the run before the step was cleared."""
    log: str
    """Log of the last try of the step during the long outage."""
    dates_before_healing: int
    healed: DayResult


@pytest.fixture(scope="module")
def outage(days: DisturbedDays, undisturbed: DayResult) -> Outage:
    """Restart the database during calls and a writing step; then stop it until the run ends."""
    stack, server = days.stack, days.stack.creators
    days.begin()
    days.hold_calls(SEARCH)
    stack.api.start(DAY_2, CONF, RUN_2)
    days.wait_for_calls(SEARCH, 2)
    restart(server, signal.SIGINT)
    # A killed try must not use up the retries for database failures.
    with days.lock("comet_handles"), days.crashing("upsert_creators"):
        days.release_calls()
        days.wait_for_writer("comet_handles")
        days.hold_calls(PROFILE)
        restart(server, signal.SIGQUIT)
    days.wait_for_calls(PROFILE, 2)
    restart(server, signal.SIGINT)
    with days.lock("comet_dates"):
        days.release_calls()
        days.wait_for_writer("comet_dates")
        stop(server, signal.SIGQUIT)
    try:
        state = stack.end_of(RUN_2)
    finally:
        server.start()
    (step,) = [task for task in stack.api.tasks(DAG_ID, RUN_2) if task.task_id == "record_growth"]
    folder = stack.environment.task_logs / f"dag_id={DAG_ID}" / f"run_id={RUN_2}" / "task_id=record_growth"
    log = (folder / f"attempt={step.try_number}.log").read_text()
    dates_before_healing = len(stack.rows("select * from comet_dates where is_run"))
    stack.api.clear(RUN_2, "record_growth")
    assert stack.end_of(RUN_2) == "success"
    return Outage(state, log, dates_before_healing, days.snapshot())


def test_every_task_crashed_at_every_point(days: DisturbedDays, killed: DayResult) -> None:
    assert {crash["task_id"] for crash in killed.crashes} == days.task_ids >= {"extract_videos", "roll_call"}
    assert len(killed.points) == len(killed.crashes) >= 30
    for task in ("extract_videos", "roll_call"):
        assert {
            f"{task}: {point}, first time" for point in ("commit", "request", "wait for the answer")
        } <= killed.points
        assert any(point.startswith(task) and point.endswith("later time") for point in killed.points)
    # More often than a call is retried: a killed task is not a failed call.
    assert max(crash["try_number"] for crash in killed.crashes) > 5


@pytest.mark.parametrize("table", CONTENTS)
def test_crashes_change_no_row(undisturbed: DayResult, killed: DayResult, table: str) -> None:
    assert killed.contents[table] == undisturbed.contents[table]


def test_crashes_cost_at_most_the_call_in_flight(undisturbed: DayResult, killed: DayResult) -> None:
    assert killed.landed == undisturbed.landed
    assert max(killed.landed.values()) == 1
    callers = Counter(crash["task_id"] in {"extract_videos", "roll_call"} for crash in killed.crashes)
    assert 0 < killed.lost_count <= callers[True]
    extra = len(killed.sandbox_calls) - len(undisturbed.sandbox_calls)
    assert 0 < extra <= killed.lost_count


@pytest.mark.parametrize("table", CONTENTS)
def test_database_restarts_change_no_row(undisturbed: DayResult, outage: Outage, table: str) -> None:
    assert outage.healed.contents[table] == undisturbed.contents[table]


def test_database_restart_costs_only_the_calls_in_flight(undisturbed: DayResult, outage: Outage) -> None:
    assert outage.healed.landed == undisturbed.landed
    extra = len(outage.healed.sandbox_calls) - len(undisturbed.sandbox_calls)
    assert 4 <= extra <= outage.healed.lost_count


def test_database_outage_fails_the_run_with_its_cause(outage: Outage) -> None:
    assert outage.state == "failed"
    assert outage.dates_before_healing == 1
    assert f"Given up after {DATABASE_TRIES} tries" in outage.log
