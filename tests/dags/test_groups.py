"""Hashtags that share a mapped task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import RetryAction

from comets import timeouts
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.extract_videos import ExtractVideosOperator
from comets.retries import CallRetryPolicy
from comets.settings import MAX_MAPPED_TASKS, settings
from comets.timeouts import TimeIsUpError
from include.sandbox.client import SandboxClient
from tests.conftest import FAST_SETTINGS
from tests.dags.fault_runs import metadata_rows, task_instances
from tests.dags.worlds import SEARCH, World, cast, page_of
from tests.unit.test_run import PARAMS

DATE = "2026-03-01"
INSTANT = datetime.fromisoformat(f"{DATE}T02:00:00+00:00")
HASHTAGS = ["one", "two", "three", "four", "five"]
GOOD = [hashtag for hashtag in HASHTAGS if hashtag != "two"]


@pytest.fixture
def groups_of_three(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """Settings with three hashtags per task."""
    path = tmp_path / "comets.yaml"
    text = FAST_SETTINGS.read_text(encoding="utf-8")
    path.write_text(text.replace("hashtags_per_task: 1", "hashtags_per_task: 3"), encoding="utf-8")
    monkeypatch.setenv("COMETS_SETTINGS_FILE", str(path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def failing(hashtag: str, status: int, **changes: Any) -> dict[str, Any]:
    """A fault rule: the search of a hashtag is answered with an HTTP status."""
    return {"route": SEARCH, "keyword": hashtag, "fault": "status", "status": status, **changes}


def pages() -> list[dict[str, Any]]:
    """Each hashtag shows a Comet of its own."""
    return [page_of(creator, hashtag=hashtag) for creator, hashtag in zip(cast(5), HASHTAGS, strict=True)]


def searched(sandbox: SandboxClient) -> Counter[str]:
    """How often each hashtag was searched."""
    return Counter(call["params"]["keyword"] for call in sandbox.calls(SEARCH))


@pytest.mark.usefixtures("groups_of_three")
@pytest.mark.parametrize(("status", "tries"), [(422, 1), (500, 3)])
def test_a_hashtag_that_fails_is_the_only_one_of_its_group_that_is_missing_and_named(
    world: World, status: int, tries: int
) -> None:
    day = world.run(DATE, failing("two", status), *pages(), hashtags=HASHTAGS)

    assert day.state == "failed"
    assert {task: state for task, state in day.tasks.items() if task.startswith("extract")} == {
        "extract_videos[0]": "failed",
        "extract_videos[1]": "success",
    }
    assert searched(world.sandbox) == {**dict.fromkeys(GOOD, 1), "two": tries}
    assert {row["hashtag"] for row in world.rows("select hashtag from comet_discoveries")} == {*GOOD}
    assert day.log.count("1 hashtag(s) failed: #two (") >= 1
    assert re.findall(r"\b(\w+) +FAILED\b", day.log) == ["two"]
    titles = metadata_rows(
        "select rendered_map_index from task_instance where run_id = %s and task_id = 'extract_videos' order by 1 desc",
        day.run_id,
    )
    assert [row["rendered_map_index"] for row in titles] == ["#one and 2 more", "#four and 1 more"]


@pytest.mark.usefixtures("groups_of_three")
def test_a_hashtag_that_had_its_tries_is_not_asked_again_for_the_sake_of_another(world: World) -> None:
    day = world.run(DATE, failing("one", 422), failing("two", 500, times=2), *pages(), hashtags=HASHTAGS)

    assert searched(world.sandbox) == {**dict.fromkeys(HASHTAGS, 1), "two": 3}
    tries = [row for row in task_instances(day.run_id) if (row["task_id"], row["map_index"]) == ("extract_videos", 0)]
    assert len(tries) == 3
    assert "1 hashtag(s) failed: #one (" in day.log


@pytest.mark.usefixtures("groups_of_three")
def test_a_key_that_is_refused_stops_the_group_at_once(world: World) -> None:
    world.run(DATE, failing("two", 401), *pages(), hashtags=HASHTAGS[:3])
    assert searched(world.sandbox) == {"one": 1, "two": 1}


@pytest.mark.usefixtures("groups_of_three")
def test_clearing_the_task_of_a_group_asks_only_for_the_hashtag_that_had_failed(world: World) -> None:
    day = world.run(DATE, failing("two", 422), *pages(), hashtags=HASHTAGS, refresh=True)
    world.sandbox.set_faults(*pages())
    world.sandbox.clear_calls()
    dag_run = SimpleNamespace(run_id=day.run_id, logical_date=INSTANT, run_after=INSTANT, clear_number=1)
    context: Any = {"dag_run": dag_run}

    result = ExtractVideosOperator(task_id="extract", hashtags=HASHTAGS[:3]).execute(context)

    assert result["hashtags"] == HASHTAGS[:3]
    assert searched(world.sandbox) == {"two": 1}


def test_a_task_whose_time_is_up_goes_on_at_its_next_try_without_counting_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run(DATE, *pages(), hashtags=["six"])
    [run] = world.rows("select run_id from comet_runs")
    dag_run = SimpleNamespace(run_id=run["run_id"], logical_date=INSTANT, run_after=INSTANT, clear_number=0)
    context: Any = {"dag_run": dag_run}
    task = ExtractVideosOperator(task_id="extract", hashtags=HASHTAGS, execution_timeout=timedelta(seconds=40))
    world.sandbox.clear_calls()
    # A second for each look at it, of which every statement takes one.
    clock = count()
    monkeypatch.setattr(timeouts, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    for tries in range(1, 10):  # noqa: B007
        try:
            task.execute(context)
            break
        except TimeIsUpError as error:
            decision = CallRetryPolicy(settings().retries).evaluate(error, 20, 20)
            assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(0))

    assert tries > 1
    assert searched(world.sandbox) == dict.fromkeys(HASHTAGS, 1)


@pytest.mark.parametrize(("hashtag_count", "size"), [(3, 1), (1000, 1), (1001, 2), (2500, 3), (10_000, 10)])
def test_a_run_has_a_task_per_hashtag_until_airflow_would_have_too_many(
    world: World, hashtag_count: int, size: int
) -> None:
    hashtags = [f"tag{number}" for number in range(hashtag_count)]
    dag_run = SimpleNamespace(run_id="run", logical_date=INSTANT, run_after=INSTANT, clear_number=0)
    context: Any = {"dag_run": dag_run, "params": {**PARAMS, "hashtags": hashtags}}

    groups = AcceptRunOperator(task_id="accept").execute(context)

    assert len(groups) <= MAX_MAPPED_TASKS
    assert {len(group) for group in groups[:-1]} <= {size}
    assert [hashtag for group in groups for hashtag in group] == hashtags
    assert world.rows("select hashtags from comet_runs") == [{"hashtags": hashtags}]
