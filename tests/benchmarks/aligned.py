"""Tables for a terminal."""

from collections.abc import Collection, Sequence


def format_table(rows: Sequence[Sequence[str]], text_columns: Collection[int]) -> list[str]:
    """Align columns: those of text to the left, all others, which hold numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(align_row(row, widths, text_columns)).rstrip() for row in rows]


def align_row(row: Sequence[str], widths: Sequence[int], text_columns: Collection[int]) -> list[str]:
    """Pad the cells of a row."""
    return [
        cell.ljust(width) if column in text_columns else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
