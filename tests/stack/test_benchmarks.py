"""The benchmarks of the database, on a world that is as small as can be: they measure what they say they measure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.running import is_measured_apart
from tests.benchmarks.sizes import Size

TINY = Size(
    "tiny", creators=100, dates=90, hashtags=8, newcomers=90, profile_calls=1_000, scored_dates=3, profiles_each=365
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmarks keep their history: the second one finds that of the first."""
    return tmp_path_factory.mktemp("benchmarks")


def test_growth_is_compared_with_every_other_way(folder: Path) -> None:
    assert is_measured_apart("growth", TINY, folder)
    figures = json.loads((folder / "growth-tiny.json").read_text())["figures"]
    plain = "plain writing of the same rows"
    compared = [[other["name"] for other in figure["comparisons"]] for figure in figures]
    assert [name for name in compared[0] if not name.startswith("dlt")] == [
        plain,
        "the original's way, row by row",
        "the same, its database 1 ms away",
    ]
    assert compared[1:4] == [[plain], [plain], ["that day"]]
    assert all(figure["median"] > 0 and len(figure["runs"]) >= 5 for figure in figures)
    assert all(other["ratio"] > 0 and len(other["runs"]) >= 5 for figure in figures for other in figure["comparisons"])
    plans = (folder / "growth-tiny.plans.txt").read_text()
    cases = ("share_of_day", "whole_day", "day_again", "added_date")
    assert all(f"\n{case}, record_growth:" in plans for case in cases)


def test_each_view_is_answered_by_the_page_after_another_benchmark_has_read_airflows_settings(folder: Path) -> None:
    assert is_measured_apart("page-views", TINY, folder)
    plans = (folder / "page-views-tiny.plans.txt").read_text()
    assert plans.count("\nExecution Time: ") > 60
    assert "work_mem = '16MB'" in plans
