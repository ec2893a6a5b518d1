"""Cases and ratios of the benchmarks; nothing asserts speed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.benchmarks import growth, storage
from tests.benchmarks.common import Row
from tests.benchmarks.seed import SIZES, Size


def test_growth_benchmark_reports_each_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SIZES, "full", Size("full", creators=100, dates=12, hashtags=4))
    monkeypatch.setattr(growth, "ROUNDS", 1)
    growth.main("full", tmp_path)
    shown = capsys.readouterr().out
    rows = {case: int(count) for case, count in re.findall(r"record_growth, (.+), (\d+) rows .* plain writing", shown)}
    assert list(rows) == ["new day", "quarter read", "date in the middle"]
    assert rows["quarter read"] == pytest.approx(rows["new day"], rel=0.4)
    assert rows["date in the middle"] == pytest.approx(2 * rows["new day"], rel=0.2)
    assert all(text in shown for text in ("the original's way", "same day again", "score_creators", "at most 0.07"))


def test_storage_benchmark_measures_each_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "DATES", 14)
    few, many = (storage.bytes_per_day(tmp_path, creators) for creators in (50, 500))
    grown = {name for name in many if many[name] > 2 * few[name]}
    assert grown >= {"comet_profiles", "comet_scores", "comet_calls", "creator_stats", "comet_roll_call"}


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    row = Row("step", [2, 30, 4], "plain", [1, 10, 4], target=1.5)
    assert row.cells() == ["step", "4.00 s", "plain", "4.00 s", "2.00", "misses: at most 1.50"]
    assert Row("refused", [0.5], target=1, unit="%").cells()[-1] == "passes: at most 1.00"
