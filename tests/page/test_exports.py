"""CSV exports opened by spreadsheets of any locale: no cell is a formula, whatever separates the cells."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comets.page.exports import Export

SEPARATORS = (",", ";", "\t")
NUMBER = re.compile(r"-?[0-9.]+(e[-+]?[0-9]+)?")
# Mostly what matters, so that few examples find a gap.
TEXTS = (
    st.text(st.sampled_from("=+-@;\t\r\n,\"' a0|\u00a0\u200b\u202e\ufeff\uff1d\uff0b\uff0d\uff20\u2028")) | st.text()
)


def written(*rows: list[object]) -> str:
    """Return the CSV of rows as the page sends it."""
    columns = [f"column {number}" for number in range(len(rows[0]))]
    export = Export("name", columns, [dict(zip(columns, row, strict=True)) for row in rows], {})
    return bytes(export.response("csv").body).decode("utf-8")


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would execute the cell."""
    visible = "".join(character for character in cell if unicodedata.category(character)[0] not in "CZ")
    return unicodedata.normalize("NFKC", visible[:1]).startswith(("=", "+", "-", "@")) and not NUMBER.fullmatch(cell)


@given(
    st.lists(st.tuples(TEXTS, st.floats(allow_nan=False, allow_infinity=False), TEXTS, TEXTS), min_size=1, max_size=3)
)
def test_no_cell_is_a_formula_however_lines_are_split(rows: list[tuple[str, float, str, str]]) -> None:
    cells: list[list[object]] = [[place, *row] for place, row in enumerate(rows)]
    text = written(*cells)
    for separator in SEPARATORS:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert [cell for cell in row if is_formula(cell)] == []
        # Without regard to quotation marks, which some count only at the start of a cell.
        if separator != ",":
            for cell in re.split(rf"[{separator}\r\n]", text):
                assert not is_formula(cell.lstrip('"'))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("cute cat;=cmd|'/C calc'!A0", "cute cat;'=cmd|'/C calc'!A0"),
        ("a\t+1", "a\t'+1"),
        ('a; "@sum(1)', "a;' \"@sum(1)"),
        ("a\r\n\ufeff\uff1d1", "a\r\n'\ufeff\uff1d1"),
        ("=1;=2", "'=1;'=2"),
        ("NYC; scout@example.org, half-price", "NYC; scout@example.org, half-price"),
    ],
)
def test_text_stays_readable(text: str, safe: str) -> None:
    [_, row] = csv.reader(io.StringIO(written([text, -1.5, -3]), newline=""))
    assert row == [safe, "-1.5", "-3"]
