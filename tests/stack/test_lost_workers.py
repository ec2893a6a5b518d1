"""Lost Celery workers: the others take over their tasks, and few calls repeat.

A task without a heartbeat counts as lost after a few seconds here, instead of Airflow's five minutes.
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
    """Tasks of the lost workers: queued ones, searches, and roll calls."""

    queued: set[Instance]
    searching: set[Instance]
    asking: set[Instance]


@dataclass(frozen=True)
class Day:
    """Result of a run of 200 hashtags."""

    contents: dict[str, list[str]]
    calls: Counter[tuple[str, str]]
    """By route and params."""
    unfinished_count: int
    """Calls without an outcome in the ledger."""
    losses: Losses | None = None

    @property
    def repeated_count(self) -> int:
        """Repeated calls."""
        return self.calls.total() - len(self.calls)


@pytest.fixture(scope="module")
def stack() -> Iterator[DistributedStack]:
    """A running stack."""
    require_redis()
    with distributed_stack(TEST_FOLDER / "a distributed stack") as stack:
        yield stack


@pytest.fixture(scope="module")
def undisturbed(stack: DistributedStack) -> Day:
    """The day undisturbed, in one process."""
    begin(stack)
    stack.api.set_paused(DAG_ID, True)
    stack.airflow("dags", "test", DAG_ID, DAY.isoformat(), "--conf", json.dumps(CONF))
    stack.api.set_paused(DAG_ID, False)
    return snapshot(stack)


@pytest.fixture(scope="module")
def disturbed(stack: DistributedStack, undisturbed: Day) -> Day:
    """The day with three lost workers: before tasks start, during searches, and during the roll call."""
    begin(stack)
    stack.stop_consuming("worker-2")
    stack.api.start(DAY, CONF, RUN)
    wait_for_searches(stack, 1)
    stack.consume_without_starting("worker-2")
    wait_for_searches(stack, 20)
    queued = stack.api.in_state(RUN, "queued")
    stack.kill_worker("worker-2")
    stack.api.wait_for(lambda: queued <= stack.api.in_state(RUN, "success"), STAGE_SECONDS, "Queued tasks did not run")
    wait_for_searches(stack, 80)
    searching = stack.kill_calling_worker("worker-1", RUN, SEARCH, offset=SECOND_PAGE)
    stack.wait_for_task(RUN, "plan_roll_call", {"success"})
    asking = stack.kill_calling_worker("worker-2", RUN, PROFILE)
    assert stack.end_of(RUN) == "success"
    return snapshot(stack, Losses(queued, searching, asking))


def wait_for_searches(stack: DistributedStack, count: int) -> None:
    """Wait until a number of hashtags are searched."""
    finished = "select count(*) as count from comet_searches where stop_reason is not null"
    stack.api.wait_for(
        lambda: stack.rows(finished)[0]["count"] >= count, STAGE_SECONDS, f"There were not {count} searches"
    )


def begin(stack: DistributedStack) -> None:
    """Restore the state before the day."""
    stack.reset()
    stack.sandbox.set_clock(DAY)


def snapshot(stack: DistributedStack, losses: Losses | None = None) -> Day:
    """Return the current result of the day, independent of the run's id."""
    (run_id,) = [row["run_id"] for row in stack.rows("select run_id from comet_runs")]
    contents = {table: sorted(row.replace(run_id, RUN) for row in rows) for table, rows in contents_of(stack).items()}
    calls = Counter((call["route"], str(sorted(call["params"].items()))) for call in stack.sandbox.calls())
    unfinished = stack.rows("select count(*) as count from comet_calls where status_code is null")[0]["count"]
    return Day(contents, calls, unfinished, losses)


def test_both_workers_search_every_hashtag_once(stack: DistributedStack, disturbed: Day) -> None:
    searches = [json.loads(search) for search in disturbed.contents["comet_searches"]]
    assert Counter(search["hashtag"] for search in searches) == Counter(HASHTAGS)
    assert all(search["stop_reason"] for search in searches)
    assert min(stack.success_count(worker) for worker in WORKERS) > len(HASHTAGS) / 4


def test_lost_workers_held_queued_and_calling_tasks(disturbed: Day) -> None:
    losses = disturbed.losses
    assert losses
    assert {task for task, _ in losses.queued | losses.searching} == {"extract_videos"}
    assert {task for task, _ in losses.asking} == {"roll_call"}
    assert len(losses.queued) >= len(losses.searching) == len(losses.asking) == POOL_SLOTS / len(WORKERS)


@pytest.mark.parametrize("table", CONTENTS)
def test_lost_workers_change_no_row(undisturbed: Day, disturbed: Day, table: str) -> None:
    assert disturbed.contents[table] == undisturbed.contents[table]


def test_lost_worker_costs_at_most_one_call_per_held_task(undisturbed: Day, disturbed: Day) -> None:
    assert undisturbed.repeated_count == undisturbed.unfinished_count == 0
    assert disturbed.losses
    held_count = len(disturbed.losses.searching | disturbed.losses.asking)
    assert disturbed.calls.keys() == undisturbed.calls.keys()
    assert 0 < disturbed.repeated_count <= held_count
    assert 0 < disturbed.unfinished_count <= held_count


def test_ctrl_c_leaves_no_process(stack: DistributedStack, disturbed: Day) -> None:
    os.kill(stack.command.pid, signal.SIGINT)
    assert stack.command.wait() == 0
    assert working_in(stack.state) == []
