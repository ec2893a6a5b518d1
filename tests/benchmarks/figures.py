"""What a benchmark has measured: figures, what they are compared with, and whether they keep to their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """The same job done in another way.

    :param runs: how much it took each time, in the unit of the figure
    :param most: the target: the figure is at most so many times this one; None where none is set
    :param least: the target: this one is at least so many times the figure; None where none is set
    """

    name: str
    runs: Sequence[float]
    most: float | None = None
    least: float | None = None

    @property
    def median(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    def ratio(self, figure: float) -> float | None:
        """The figure divided by this one; None where that is not a number."""
        return figure / self.median if self.median else None

    def verdict(self, figure: float) -> str:
        """Whether the figure keeps to the target, in words; nothing without a target."""
        if self.most is not None:
            return verdict(figure <= self.most * self.median, f"at most {self.most:g} times")
        if self.least is not None:
            return verdict(self.median >= self.least * figure, f"at least {self.least:g} times faster")
        return ""


@dataclass(frozen=True)
class Figure:
    """One measured quantity; its value is the median of its runs.

    :param unit: "s", "ms", "MB", "%" or another word that follows a number
    :param limit: the target: at most so much; None where none is set
    """

    name: str
    unit: str
    runs: Sequence[float]
    limit: float | None = None
    comparisons: Sequence[Comparison] = ()

    @property
    def median(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    def verdict(self) -> str:
        """Whether it keeps to its own limit, in words; nothing without one."""
        if self.limit is None:
            return ""
        return verdict(self.median <= self.limit, f"at most {self.text(self.limit)}")

    def text(self, value: float) -> str:
        """A quantity with its unit."""
        return f"{value:,.{decimals(value)}f} {self.unit}"

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """Its lines of the table: figure, ours, compared with, theirs, ratio, verdict."""
        lines: list[tuple[str, str, str, str, str]] = []
        if self.limit is not None or not self.comparisons:
            lines.append((self.text(self.median), "", "", "", self.verdict()))
        for other in self.comparisons:
            ratio = other.ratio(self.median)
            shown = "" if ratio is None else f"{ratio:,.{decimals(ratio)}f}"
            theirs = self.text(other.median)
            lines.append((self.text(self.median), other.name, theirs, shown, other.verdict(self.median)))
        names = [self.name, *[""] * (len(lines) - 1)]
        return [(name, *line) for name, line in zip(names, lines, strict=True)]

    def record(self) -> dict[str, Any]:
        """The figure for JSON, with all runs."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "runs": list(self.runs),
            "limit": self.limit,
            "verdict": self.verdict(),
            "comparisons": [
                {
                    "name": other.name,
                    "median": other.median,
                    "runs": list(other.runs),
                    "ratio": other.ratio(self.median),
                    "most": other.most,
                    "least": other.least,
                    "verdict": other.verdict(self.median),
                }
                for other in self.comparisons
            ],
        }


def figure_of(record: dict[str, Any]) -> Figure:
    """A figure as it was recorded."""
    comparisons = [
        Comparison(other["name"], other["runs"], other["most"], other["least"]) for other in record["comparisons"]
    ]
    return Figure(record["name"], record["unit"], record["runs"], record["limit"], comparisons)


def verdict(is_kept: bool, target: str) -> str:
    """A target and whether it is kept, in words."""
    return f"passes: {target}" if is_kept else f"misses: {target}"


def decimals(value: float) -> int:
    """How many decimals tell enough of a number."""
    return 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
