"""The tables of errors in the pages of the Dags, made from the error classes."""

from __future__ import annotations

import inspect
from pathlib import Path

from comets import errors
from comets.errors import CometsError

DAGS_FOLDER = Path(__file__).parents[1] / "dags"
BEGIN = "<!-- errors: begin -->"
END = "<!-- errors: end -->"

ERRORS: dict[str, tuple[type[CometsError], ...]] = {
    "comet_discovery.md": (
        errors.ParamsError,
        errors.MixedDataError,
        errors.DatabaseError,
        errors.DatabaseRefusedError,
        errors.DatabaseUnavailableError,
        errors.DatabaseStorageError,
        errors.DatabaseTimeoutError,
        errors.TikHubAuthError,
        errors.TikHubBalanceError,
        errors.TikHubRateLimitError,
        errors.TikHubTransientError,
        errors.TikHubAmbiguousError,
        errors.TikHubRequestError,
        errors.TikHubGivenUpError,
        errors.HashtagsFailedError,
        errors.CallSkippedError,
        errors.TaskDeadlineError,
        errors.QualityCheckError,
    ),
    "forget_creator.md": (
        errors.ParamsError,
        errors.UnknownCreatorError,
        errors.AmbiguousCreatorError,
        errors.UnconfirmedErasureError,
        errors.ErasureLimitError,
        errors.DatabaseError,
    ),
}
"""Errors that the tasks of a Dag raise, by the page of the Dag."""


def write_error_tables() -> None:
    """Write the tables into the pages."""
    for name, classes in ERRORS.items():
        path = DAGS_FOLDER / name
        path.write_text(with_error_table(path.read_text(encoding="utf-8"), *classes), encoding="utf-8")


def with_error_table(page: str, *classes: type[CometsError]) -> str:
    """Return a page with the table between its markers.

    :raises ValueError: the page has no markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page has no lines {BEGIN} and {END}")
    # Markdown needs an empty line before a table.
    return f"{before}{BEGIN}\n\n{error_table(*classes)}\n\n{END}{after}"


def error_table(*classes: type[CometsError]) -> str:
    """Return a markdown table: the first paragraph of each class's docstring, and its remedy."""
    lines = ["| The log says | It means | Do this |", "|---|---|---|"]
    for error in classes:
        meaning = (inspect.getdoc(error) or "").split("\n\n", 1)[0]
        cells = (f"`{error.__name__}`", meaning, error.remedy)
        lines.append(f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines)
