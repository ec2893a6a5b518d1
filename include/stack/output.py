"""What a person reads: lines and tables on standard output, remarks on standard error."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

TABLE_WIDTH = 100


def say(text: str = "") -> None:
    """Print a line of the command's result."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a line about what happens, where it cannot be mistaken for the result."""
    print(text, file=sys.stderr, flush=True)


def terminal() -> Console:
    """Return standard output as rich writes to it: a file gets lines of 100 columns, without colours.

    Texts come from outside, so nothing in them is read as markup.
    """
    width = None if sys.stdout.isatty() else TABLE_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]], text_columns: frozenset[int]) -> None:
    """Print a table: columns of text to the left, all others, which hold numbers, to the right.

    The last column gives way where the terminal is too narrow.
    """
    table = Table(box=None, pad_edge=False, header_style="")
    for number, column in enumerate(zip(headings, *rows, strict=True)):
        is_last = number == len(headings) - 1
        table.add_column(
            column[0],
            justify="left" if number in text_columns else "right",
            no_wrap=True,
            min_width=None if is_last else max(map(len, column)),
        )
    for row in rows:
        table.add_row(*row)
    terminal().print(table)
