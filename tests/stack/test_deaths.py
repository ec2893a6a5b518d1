"""Tasks that are killed, and a database that goes away, under the real scheduler: runs end as if nothing had been.

A killed task is tried again by Airflow at once here, and after `retries.delay_seconds` where the settings say so.
"""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass

import pytest

from comets.calls.retry_policy import DATABASE_TRIES
from comets.settings import DAG_ID
from tests.dags.worlds import PROFILE, SEARCH
from tests.stack.disturbed_days import CONF, DAY_2, RUN_2, Aftermath, DisturbedDays, restart, stop
from tests.stack.running_stack import RunningStack
from tests.steps.builders import CONTENTS


@pytest.fixture(scope="module")
def days(stack: RunningStack) -> DisturbedDays:
    """Day 1 is over."""
    return DisturbedDays(stack)


@pytest.fixture(scope="module")
def undisturbed(days: DisturbedDays) -> Aftermath:
    """Day 2 without any trouble."""
    aftermath = days.undisturbed()
    assert all(aftermath.contents.values())
    return aftermath


@pytest.fixture(scope="module")
def killed(days: DisturbedDays, undisturbed: Aftermath) -> Aftermath:
    """Day 2 with a death at every point where a task can die."""
    return days.killed()


@dataclass(frozen=True)
class Outage:
    """Day 2 with a database that is away three times for a moment, and once for long."""

    state: str
    """Of the run, before it was healed."""
    log: str
    """Of the last try of the step that met the long outage."""
    dates_before_healing: int
    healed: Aftermath


@pytest.fixture(scope="module")
def outage(days: DisturbedDays, undisturbed: Aftermath) -> Outage:
    """Restart the database while calls wait for TikHub and while a step writes; then stop it until the run is over."""
    stack, server = days.stack, days.stack.creators
    days.begin()
    days.hold_calls(SEARCH)
    stack.api.start(DAY_2, CONF, RUN_2)
    days.wait_for_calls(SEARCH, 2)
    restart(server, signal.SIGINT)
    # Deaths are no failures of the database: the step must still be tried again when that is what fails.
    with days.lock("comet_handles"), days.deadly("upsert_creators"):
        days.let_calls_go()
        days.wait_for_writer("comet_handles")
        days.hold_calls(PROFILE)
        restart(server, signal.SIGQUIT)
    days.wait_for_calls(PROFILE, 2)
    restart(server, signal.SIGINT)
    with days.lock("comet_dates"):
        days.let_calls_go()
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
    return Outage(state, log, dates_before_healing, days.look())


def test_every_task_was_killed_wherever_it_could_be(days: DisturbedDays, killed: Aftermath) -> None:
    assert {death["task_id"] for death in killed.deaths} == days.task_ids >= {"extract_videos", "roll_call"}
    assert len(killed.points) == len(killed.deaths) >= 30
    for task in ("extract_videos", "roll_call"):
        assert {
            f"{task}: {point}, first time" for point in ("commit", "request", "wait for the answer")
        } <= killed.points
        assert any(point.startswith(task) and point.endswith("later time") for point in killed.points)
    # Some more often than a call is tried: to be killed says nothing about TikHub.
    assert max(death["try_number"] for death in killed.deaths) > 5


@pytest.mark.parametrize("table", CONTENTS)
def test_deaths_change_nothing(undisturbed: Aftermath, killed: Aftermath, table: str) -> None:
    assert killed.contents[table] == undisturbed.contents[table]


def test_deaths_make_nothing_paid_for_twice_and_cost_at_most_the_call_in_flight(
    undisturbed: Aftermath, killed: Aftermath
) -> None:
    assert killed.landed == undisturbed.landed
    assert max(killed.landed.values()) == 1
    callers = Counter(death["task_id"] in {"extract_videos", "roll_call"} for death in killed.deaths)
    assert 0 < killed.lost_count <= callers[True]
    extra = len(killed.sandbox_calls) - len(undisturbed.sandbox_calls)
    assert 0 < extra <= killed.lost_count


@pytest.mark.parametrize("table", CONTENTS)
def test_restarts_of_the_database_change_nothing(undisturbed: Aftermath, outage: Outage, table: str) -> None:
    assert outage.healed.contents[table] == undisturbed.contents[table]


def test_a_restart_of_the_database_costs_what_was_answered_and_could_not_land(
    undisturbed: Aftermath, outage: Outage
) -> None:
    assert outage.healed.landed == undisturbed.landed
    # Two searches and two profiles at least were in flight, and at most one call of each task.
    extra = len(outage.healed.sandbox_calls) - len(undisturbed.sandbox_calls)
    assert 4 <= extra <= outage.healed.lost_count


def test_a_database_that_stays_away_ends_the_run_red_and_says_so(outage: Outage) -> None:
    assert outage.state == "failed"
    assert outage.dates_before_healing == 1
    assert f"Given up after {DATABASE_TRIES} tries" in outage.log
