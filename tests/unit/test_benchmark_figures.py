"""The benchmarks themselves assert nothing; what they say about a figure has to be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import tables
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.running import BENCHMARKS, is_measured
from tests.benchmarks.sizes import SIZES


def test_a_figure_is_the_median_and_is_judged_by_its_limit() -> None:
    assert Figure("parsing", "s", [9.0, 0.1, 0.2], limit=0.2).verdict() == "passes: at most 0.20 s"
    assert Figure("parsing", "s", [0.1, 0.3, 0.21], limit=0.2).verdict() == "misses: at most 0.20 s"


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (Comparison("ideal", [100.0], most=1.25), "passes: at most 1.25 times"),
        (Comparison("ideal", [90.0], most=1.25), "misses: at most 1.25 times"),
        (Comparison("row by row", [2400.0], least=20), "passes: at least 20 times faster"),
        (Comparison("row by row", [2399.0], least=20), "misses: at least 20 times faster"),
        (Comparison("dlt", [1.0]), ""),
    ],
)
def test_a_comparison_is_judged_by_the_ratio(other: Comparison, wanted: str) -> None:
    assert other.verdict(120.0) == wanted


def test_what_was_kept_makes_the_same_table(tmp_path: Path) -> None:
    figure = Figure("stage", "s", [120.0, 110.0, 130.0], comparisons=[Comparison("ideal", [100.0], most=1.25)])
    tables.keep(tmp_path, "full", "extraction", [figure])
    found = tables.kept(tmp_path, "full", ["extraction", "never-run"])
    assert [one.rows() for one in found] == [figure.rows()]
    assert json.loads((tmp_path / "extraction-full.json").read_text())["figures"][0]["runs"] == [120.0, 110.0, 130.0]
    assert "| stage | 120 s | ideal | 100 s | 1.20 | passes: at most 1.25 times |" in tables.keep_markdown(
        tmp_path, "full", found
    )


def test_a_benchmark_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BENCHMARKS, "broken", "figures:no_such_function")
    assert not is_measured("broken", SIZES["default"], tmp_path)
    assert "no_such_function" in capsys.readouterr().err
