"""The benchmarks of the database, on a world that is as small as can be: they measure what they say they measure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.running import is_measured_apart
from tests.benchmarks.sizes import Size

TINY = Size("tiny", creators=100, dates=90, hashtags=8, newcomers=90, profile_calls=1_000, scored_dates=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmarks keep their history: the second one finds that of the first."""
    return tmp_path_factory.mktemp("benchmarks")


def test_growth_is_compared_with_every_other_way(folder: Path) -> None:
    assert is_measured_apart("growth", TINY, folder)
    whole, tenth = json.loads((folder / "growth-tiny.json").read_text())["figures"]
    names = [other["name"] for other in whole["comparisons"]]
    assert [name for name in names if not name.startswith("dlt")] == [
        "the original's way, row by row",
        "the same, its database 1 ms away",
        "plain insert … select of the same rows",
        "plain insert of the snapshots alone",
    ]
    assert [other["name"] for other in tenth["comparisons"]] == ["the whole day"]
    assert all(other["ratio"] > 0 and len(other["runs"]) >= 5 for other in whole["comparisons"])


def test_each_view_is_answered_by_the_page_after_another_benchmark_has_read_airflows_settings(folder: Path) -> None:
    assert is_measured_apart("page-views", TINY, folder)
    plans = (folder / "page-views-tiny.plans.txt").read_text()
    assert plans.count("\nExecution Time: ") > 60
    assert "work_mem = '16MB'" in plans
