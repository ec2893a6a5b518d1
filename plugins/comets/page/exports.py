"""CSV and JSON exports of a view: unformatted values, with no text that a spreadsheet executes."""

from __future__ import annotations

import csv
import io
import re
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

# Excel splits at ";" where the comma is the decimal sign, and at tabs when text is pasted; a quote protects a cell only
# from the separator of its own file. It skips blanks, quotes and invisible characters before a sign, and knows the
# compatibility forms of the signs.
_FORMULA_START = re.compile(
    r"(^|[;\t\r\n])(?=[\s\"\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*[-=+@\uff0d\uff1d\uff0b\uff20"
    r"\ufe63\ufe66\ufe62\ufe6b\u207a\u207c\u208a\u208c\u2a75\u2a76\ufb29])"
)


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
            return _escape_formula(" ".join(map(str, value)))
        case str():
            return _escape_formula(value)
    return value


def _escape_formula(text: str) -> str:
    """Put an apostrophe before each part of a text that a spreadsheet would read as a formula."""
    return _FORMULA_START.sub(r"\1'", text)
