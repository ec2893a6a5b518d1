"""Terminal output: results on standard output, progress and errors on standard error."""

import sys
from collections.abc import Sequence
from functools import cache

from rich.console import Console
from rich.table import Table

TABLE_WIDTH = 100


def say(text: str = "") -> None:
    """Print a line to standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a line to standard error."""
    print(text, file=sys.stderr, flush=True)


@cache
def warn(text: str) -> None:
    """Print a warning to standard error, once per process."""
    note(f"Warning: {text}")


def terminal() -> Console:
    """Return a console on standard output; files get lines of 100 columns.

    Markup is off: texts come from outside.
    """
    width = None if sys.stdout.isatty() else TABLE_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], text_columns: frozenset[int]) -> None:
    """Print a table; text columns align left, number columns right.

    Only the last column shrinks in a narrow terminal.
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
