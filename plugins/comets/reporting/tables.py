"""Tables for logs and terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BASIS_LABELS = {"observed": "measured", "estimated": "estimated", "late": "backdated"}
"""The labels of `basis` for people."""


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table: columns as wide as their longest cell, numbers right-aligned."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    yield "  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)).rstrip()
    for row in rows:
        cells = (
            cell.rjust(width) if cell.replace(",", "").replace(".", "").lstrip("+-").isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()
