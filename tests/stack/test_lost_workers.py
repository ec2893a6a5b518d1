"""Celery workers that are lost with all that they run: the others do their work, and hardly any call is made twice.

A task without a heartbeat counts as lost after a few seconds here, and after five minutes where the settings say so.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from comets.settings import DAG_ID
from include.stack.celery_settings import WORKERS
from tests.conftest import PROFILE_VARIABLE, TEST_FOLDER
from tests.dags.worlds import PROFILE, SEARCH
from tests.stack.distributed_stack import POOL_SLOTS, DistributedStack, Instance, distributed_stack, require_redis
from tests.stack.disturbed_days import contents_of
from tests.stack.test_demo import working_in
from tests.steps.builders import CONTENTS

pytestmark = pytest.mark.skipif(os.environ.get(PROFILE_VARIABLE) != "long", reason="takes minutes: long profile only")

HASHTAGS = [f"distributed{number}" for number in range(200)]
DAY = datetime(2026, 3, 1, 2, tzinfo=UTC)
RUN = "day"
CONF: dict[str, Any] = {"hashtags": HASHTAGS, "pages_per_hashtag": 2, "page_size": 10, "max_api_calls": 20_000}
SECOND_PAGE = 10
STAGE_SECONDS = 900


@dataclass(frozen=True)
class Losses:
    """What the lost workers held: tasks not started yet, searches, and roll calls."""

    queued: set[Instance]
    searching: set[Instance]
    asking: set[Instance]


@dataclass(frozen=True)
class Day:
    """What a run of 200 hashtags has left."""

    contents: dict[str, list[str]]
    calls: Counter[tuple[str, str]]
    """By route and what was asked for."""
    unfinished_count: int
    """Calls of which the ledger does not know how they ended."""
    losses: Losses | None = None

    @property
    def repeated_count(self) -> int:
        """Calls that had been made before."""
        return self.calls.total() - len(self.calls)


@pytest.fixture(scope="module")
def stack() -> Iterator[DistributedStack]:
    """A running stack."""
    require_redis()
    with distributed_stack(TEST_FOLDER / "a distributed stack") as stack:
        yield stack


@pytest.fixture(scope="module")
def undisturbed(stack: DistributedStack) -> Day:
    """The day without any trouble, task by task in one process: the workers are not needed for what it should be."""
    begin(stack)
    stack.api.set_paused(DAG_ID, True)
    stack.airflow("dags", "test", DAG_ID, DAY.isoformat(), "--conf", json.dumps(CONF))
    stack.api.set_paused(DAG_ID, False)
    return look(stack)


@pytest.fixture(scope="module")
def disturbed(stack: DistributedStack, undisturbed: Day) -> Day:
    """The day on which workers are lost three times: before tasks start, while they search, while they ask."""
    begin(stack)
    stack.rest_worker("worker-2")
    stack.api.start(DAY, CONF, RUN)
    wait_for_searches(stack, 1)
    stack.block_worker("worker-2")
    wait_for_searches(stack, 20)
    queued = stack.api.in_state(RUN, "queued")
    stack.lose_worker("worker-2")
    stack.api.wait_for(
        lambda: queued <= stack.api.in_state(RUN, "success"), STAGE_SECONDS, "What was in the queue was not run"
    )
    wait_for_searches(stack, 80)
    searching = stack.lose_calling_worker("worker-1", RUN, SEARCH, offset=SECOND_PAGE)
    stack.wait_for_task(RUN, "plan_roll_call", {"success"})
    asking = stack.lose_calling_worker("worker-2", RUN, PROFILE)
    assert stack.end_of(RUN) == "success"
    return look(stack, Losses(queued, searching, asking))


def wait_for_searches(stack: DistributedStack, count: int) -> None:
    """Wait until so many hashtags are searched."""
    finished = "select count(*) as count from comet_searches where stop_reason is not null"
    stack.api.wait_for(
        lambda: stack.rows(finished)[0]["count"] >= count, STAGE_SECONDS, f"There were not {count} searches"
    )


def begin(stack: DistributedStack) -> None:
    """Put everything back to where the day begins."""
    stack.begin_anew()
    stack.sandbox.set_clock(DAY)


def look(stack: DistributedStack, losses: Losses | None = None) -> Day:
    """What is there now, whatever the run's id is."""
    (run_id,) = [row["run_id"] for row in stack.rows("select run_id from comet_runs")]
    contents = {table: sorted(row.replace(run_id, RUN) for row in rows) for table, rows in contents_of(stack).items()}
    calls = Counter((call["route"], str(sorted(call["params"].items()))) for call in stack.sandbox.calls())
    unfinished = stack.rows("select count(*) as count from comet_calls where status_code is null")[0]["count"]
    return Day(contents, calls, unfinished, losses)


def test_every_hashtag_is_searched_once_with_the_help_of_both_workers(stack: DistributedStack, disturbed: Day) -> None:
    searches = [json.loads(search) for search in disturbed.contents["comet_searches"]]
    assert Counter(search["hashtag"] for search in searches) == Counter(HASHTAGS)
    assert all(search["stop_reason"] for search in searches)
    assert min(stack.succeeded_count(worker) for worker in WORKERS) > len(HASHTAGS) / 4


def test_the_lost_workers_held_tasks_before_their_start_and_in_the_middle_of_their_calls(disturbed: Day) -> None:
    losses = disturbed.losses
    assert losses
    assert {task for task, _ in losses.queued | losses.searching} == {"extract_videos"}
    assert {task for task, _ in losses.asking} == {"roll_call"}
    assert len(losses.queued) >= len(losses.searching) == len(losses.asking) == POOL_SLOTS / len(WORKERS)


@pytest.mark.parametrize("table", CONTENTS)
def test_lost_workers_change_nothing(undisturbed: Day, disturbed: Day, table: str) -> None:
    assert disturbed.contents[table] == undisturbed.contents[table]


def test_a_lost_worker_costs_at_most_one_call_for_each_task_that_it_held(undisturbed: Day, disturbed: Day) -> None:
    assert undisturbed.repeated_count == undisturbed.unfinished_count == 0
    assert disturbed.losses
    held_count = len(disturbed.losses.searching | disturbed.losses.asking)
    assert disturbed.calls.keys() == undisturbed.calls.keys()
    assert 0 < disturbed.repeated_count <= held_count
    assert 0 < disturbed.unfinished_count <= held_count


def test_ctrl_c_ends_it_in_order_and_leaves_nothing_behind(stack: DistributedStack, disturbed: Day) -> None:
    os.kill(stack.command.pid, signal.SIGINT)
    assert stack.command.wait() == 0
    assert working_in(stack.state) == []
