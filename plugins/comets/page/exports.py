"""What is on screen as CSV or JSON: plain figures, and texts that no spreadsheet executes."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.responses import Response

from comets.page.rendering import json_text

Format = Literal["csv", "json"]

_FORMULA = ("=", "+", "-", "@")
_BREAKS = ("\t", "\r", "\n")

_PARTS = ("growth", "acceleration", "engagement", "reach", "breakout")
_PART_FIGURES = ("value", "percentile", "weight", "sample_count", "sample_unit", "points")
PART_COLUMNS = [f"{part}_{figure}" for part in _PARTS for figure in _PART_FIGURES]


@dataclass(frozen=True)
class Export:
    """Rows to take home.

    :param name: of the file, without its ending
    :param columns: the columns of the CSV, in their order; in JSON each row has all that it has
    :param about: what else the JSON says
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    about: Mapping[str, Any]

    def answer(self, kind: Format) -> Response:
        """The file."""
        if kind == "json":
            text, media_type = json_text({**self.about, "rows": self.rows}), "application/json"
        else:
            text, media_type = self._csv(), "text/csv"
        headers = {"Content-Disposition": f'attachment; filename="{self.name}.{kind}"'}
        return Response(text, media_type=media_type, headers=headers)

    def _csv(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(self.columns)
        writer.writerows([_cell(row.get(column)) for column in self.columns] for row in self.rows)
        return file.getvalue()


def part_cells(parts: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    """The figures of the parts of a score, each in a column of its own."""
    return {f"{part}_{figure}": found.get(figure) for part, found in (parts or {}).items() for figure in _PART_FIGURES}


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return _harmless(" ".join(map(str, value)))
        case str():
            return _harmless(value)
    return value


def _harmless(text: str) -> str:
    """A text that a spreadsheet takes for one: a formula in it gets an apostrophe in front.

    Spreadsheets skip blanks before a formula, and some take the full-width signs for it too.
    """
    begin = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if begin.startswith(_FORMULA) or text.startswith(_BREAKS) else text
