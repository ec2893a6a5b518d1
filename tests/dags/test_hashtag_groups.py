"""Groups of hashtags in one mapped task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import RetryAction

from comets import deadline
from comets.calls.retry_policy import CallRetryPolicy
from comets.errors import TaskDeadlineError, TikHubAuthError
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.extract_videos import ExtractVideosOperator
from comets.search.groups import group_hashtags
from comets.settings import MAX_MAPPED_TASKS, SETTINGS_FILE_VARIABLE, settings
from include.sandbox.client import SandboxClient
from tests.conftest import FAST_SETTINGS
from tests.dags.conftest import NewWorld
from tests.dags.fault_runs import metadata_rows, task_instances
from tests.dags.worlds import SEARCH, Day, World, cast, page_of, run_context

DATE = "2026-03-01"
INSTANT = f"{DATE}T02:00:00+00:00"
HASHTAGS = ["one", "two", "three", "four", "five"]


def failing(hashtag: str, status: int, **changes: Any) -> dict[str, Any]:
    """Return a rule by which the search of a hashtag fails with an HTTP status."""
    return {"route": SEARCH, "keyword": hashtag, "fault": "status", "status": status, **changes}


def pages() -> list[dict[str, Any]]:
    """Return rules by which each hashtag finds its own Comet."""
    return [page_of(creator, hashtag=hashtag) for creator, hashtag in zip(cast(5), HASHTAGS, strict=True)]


def searched(sandbox: SandboxClient) -> Counter[str]:
    """Return the number of searches by hashtag."""
    return Counter(call["params"]["keyword"] for call in sandbox.calls(SEARCH))


@pytest.fixture(scope="module")
def grouped(new_world: NewWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Day]]:
    """A run with three hashtags per task; the first always fails, the second twice."""
    path: Path = tmp_path_factory.mktemp("groups") / "comets.yaml"
    text = FAST_SETTINGS.read_text(encoding="utf-8")
    path.write_text(text.replace("hashtags_per_task: 1", "hashtags_per_task: 3"), encoding="utf-8")
    with new_world() as world:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(SETTINGS_FILE_VARIABLE, str(path))
            settings.cache_clear()
            day = world.run(DATE, failing("one", 422), failing("two", 500, times=2), *pages(), hashtags=HASHTAGS)
        settings.cache_clear()
        yield world, day


def test_failed_hashtag_is_named_and_the_rest_of_its_group_lands(
    grouped: tuple[World, Day],
) -> None:
    world, day = grouped
    assert day.state == "failed"
    assert {task: state for task, state in day.tasks.items() if task.startswith("extract")} == {
        "extract_videos[0]": "failed",
        "extract_videos[1]": "success",
    }
    assert {row["hashtag"] for row in world.rows("select hashtag from comet_discoveries")} == {*HASHTAGS} - {"one"}
    assert "1 hashtag failed: #one (" in day.log
    assert re.findall(r"\b(\w+) +FAILED\b", day.log) == ["one"]
    titles = metadata_rows(
        "select rendered_map_index from task_instance where run_id = %s and task_id = 'extract_videos' order by 1 desc",
        day.run_id,
    )
    assert [row["rendered_map_index"] for row in titles] == ["#one and 2 more", "#four and 1 more"]


def test_retry_of_a_group_skips_hashtags_that_gave_up(grouped: tuple[World, Day]) -> None:
    _, day = grouped
    assert Counter(call["params"]["keyword"] for call in day.searches) == {**dict.fromkeys(HASHTAGS, 1), "two": 3}
    tries = [row for row in task_instances(day.run_id) if (row["task_id"], row["map_index"]) == ("extract_videos", 0)]
    assert len(tries) == 3


def test_clearing_a_group_task_searches_only_the_failed_hashtag(grouped: tuple[World, Day]) -> None:
    world, day = grouped
    world.sandbox.set_faults(*pages())
    world.sandbox.clear_calls()
    context = run_context(day.run_id, INSTANT)
    context["dag_run"].clear_number = 1

    result = ExtractVideosOperator(task_id="extract", hashtags=HASHTAGS[:3]).execute(context)

    assert result["hashtags"] == HASHTAGS[:3]
    assert searched(world.sandbox) == {"one": 1}


@pytest.fixture
def accepted(tikhub_connection: str, comets_connection: str, sandbox: SandboxClient) -> Any:
    """The context of an accepted run."""
    context = run_context("run", INSTANT, hashtags=HASHTAGS, pages_per_hashtag=1)
    AcceptRunOperator(task_id="accept").execute(context)
    return context


def test_rejected_key_stops_the_group_at_once(accepted: Any, sandbox: SandboxClient) -> None:
    sandbox.set_faults(failing("two", 401), *pages())
    with pytest.raises(TikHubAuthError):
        ExtractVideosOperator(task_id="extract", hashtags=HASHTAGS).execute(accepted)
    assert searched(sandbox) == {"one": 1, "two": 1}


def test_task_deadline_continues_at_the_next_try_without_a_failed_attempt(
    accepted: Any, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.set_faults(*pages())
    task = ExtractVideosOperator(task_id="extract", hashtags=HASHTAGS, execution_timeout=timedelta(seconds=40))
    # The clock advances a second per reading.
    clock = count()
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    for tries in range(1, 10):  # noqa: B007
        try:
            task.execute(accepted)
            break
        except TaskDeadlineError as error:
            decision = CallRetryPolicy(settings().retries).evaluate(error, 20, 20)
            assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(0))

    assert tries > 1
    assert searched(sandbox) == dict.fromkeys(HASHTAGS, 1)


@pytest.mark.parametrize(("hashtag_count", "size"), [(1000, 1), (1001, 2), (10_000, 10)])
def test_hashtags_are_grouped_above_the_mapped_task_limit(hashtag_count: int, size: int) -> None:
    hashtags = [f"tag{number}" for number in range(hashtag_count)]
    groups = group_hashtags(hashtags, 5, settings())
    assert len(groups) <= MAX_MAPPED_TASKS
    assert {len(group) for group in groups[:-1]} == {size}
    assert [hashtag for group in groups for hashtag in group] == hashtags
