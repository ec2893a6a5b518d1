"""CSV and JSON exports of a view: unformatted values, with no text that a spreadsheet executes."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.responses import Response

from comets.page.rendering import json_text

Format = Literal["csv", "json"]

PART_LABELS = {
    "growth": "Growth",
    "acceleration": "Acceleration",
    "engagement": "Engagement",
    "reach": "Reach",
    "breakout": "Breakout",
}
_PART_FIELDS = ("value", "percentile", "weight", "sample_count", "sample_unit", "points")
PART_COLUMNS = [f"{part}_{field}" for part in PART_LABELS for field in _PART_FIELDS]

_FORMULA_SIGNS = ("=", "+", "-", "@")
_CELL_STARTS = re.compile(r"(?<=[;\t\v\f\r\n\x1c-\x1e\x85\u2028\u2029])")


@dataclass(frozen=True)
class Export:
    """Rows of a file to download.

    :param name: file name without its extension
    :param columns: columns of the CSV, in order; JSON rows keep all their keys
    :param metadata: further top-level keys of the JSON
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any]

    def response(self, kind: Format) -> Response:
        """Return the file as an attachment."""
        if kind == "json":
            text, media_type = json_text({**self.metadata, "rows": self.rows}), "application/json"
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
    """Return the fields of each part of a score by their CSV columns."""
    return {f"{name}_{field}": part.get(field) for name, part in (parts or {}).items() for field in _PART_FIELDS}


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return _escape_formulas(" ".join(map(str, value)))
        case str():
            return _escape_formulas(value)
    return value


def _escape_formulas(text: str) -> str:
    """Put an apostrophe before each part of a text that a spreadsheet would read as a formula.

    Where a comma is the decimal sign, spreadsheets split lines at semicolons, others at tabs. To them a quotation mark
    in the middle of a cell is a character, so text after a separator or a line break is a cell of its own.
    """
    return "".join(f"'{part}" if _is_formula(part) else part for part in _CELL_STARTS.split(text))


def _is_formula(text: str) -> bool:
    """Return whether a spreadsheet executes a cell: it skips blanks, invisible characters and quotation marks before
    the sign, and some accept full-width signs.
    """
    first = next((character for character in text if not _is_skipped(character)), "")
    return unicodedata.normalize("NFKC", first).startswith(_FORMULA_SIGNS)


def _is_skipped(character: str) -> bool:
    return character == '"' or unicodedata.category(character)[0] in "CZ"
