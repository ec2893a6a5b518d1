"""The leaderboard of a date, printed from the creators' database."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg

from comets.values import printable_text
from include.stack.database import connect, describe
from include.stack.environment import Environment, resolve_for_runs
from include.stack.errors import StackError
from include.stack.output import print_table, say
from include.stack.project import SQL_FOLDER
from include.stack.services import databases

HEADINGS = ("", "", "creator", "followers", "per day", "%/day", "score", "hashtags")
TEXT_COLUMNS = frozenset({1, 2, 7})
ROW_LIMIT = 15
ESTIMATED, DOUBTFUL, UNKNOWN = "~", "?", "–"
LEGEND = {
    ESTIMATED: "estimated: interpolated between measured counts",
    DOUBTFUL: "low confidence: the score is based on few days or videos",
}
LATEST_DATE = "select max(recorded_date) as recorded_date from comet_dates where is_run"
LAST_CALL = "select coalesce(max(call_id), 0) as call_id from comet_calls"
# Not by run: a cleared run keeps its id and its earlier calls.
COUNT_CALLS = """
select
    count(*) as call_count,
    count(*) filter (where is_billed) as billed_count
from comet_calls
where call_id > %(after)s
"""


def print_latest() -> int:
    """Print the leaderboard of the latest date; return the exit code."""
    environment = resolve_for_runs()
    with databases(environment):
        newest: date | None = fetch_one(environment, LATEST_DATE)["recorded_date"]
        if newest is None:
            say("No runs yet. Try `make demo`, or start the stack with `make up`.")
            return 1
        print_leaderboard(environment, newest, ROW_LIMIT)
    return 0


def print_leaderboard(environment: Environment, recorded_date: date, row_limit: int) -> None:
    """Print the leaderboard of a date."""
    rows = fetch_all(environment, "reporting/leaderboard", recorded_date=recorded_date, row_limit=row_limit)
    if not rows:
        say(f"No Comets on {recorded_date}.")
        return
    table = [cells(row) for row in rows]
    say(f"Leaderboard for {recorded_date}, fastest growing first (new Comets have no growth yet)")
    say()
    print_table(HEADINGS, table, TEXT_COLUMNS)
    marks = [mark for mark in LEGEND if any(cell.startswith(mark) for row in table for cell in row)]
    if marks:
        say()
    for mark in marks:
        say(f"{mark} {LEGEND[mark]}")


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of a row as printable text."""
    mark = ESTIMATED if row["is_estimated"] else ""
    handle = row["handle"]
    return (
        str(row["place"]),
        "new" if row["is_new"] else "",
        f"https://www.tiktok.com/@{quote(handle, safe='')}" if handle else printable_text(row["user_id"]),
        number(row["follower_count"], ",", mark),
        number(row["daily_growth_followers"], "+,", mark),
        number(row["growth_percent"], "+.2f", mark, " %"),
        number(row["score"], ".1f", DOUBTFUL if row["is_low_confidence"] else ""),
        " ".join(f"#{printable_text(hashtag)}" for hashtag in row["hashtags"]),
    )


def number(value: Any, form: str, mark: str, unit: str = "") -> str:
    """Return a number with its mark and unit; a dash if unknown."""
    return UNKNOWN if value is None else f"{mark}{value:{form}}{unit}"


def last_call(environment: Environment) -> int:
    """Return the id of the last call in the ledger."""
    return int(fetch_one(environment, LAST_CALL)["call_id"])


def count_calls(environment: Environment, after: int) -> tuple[int, int]:
    """Return the number of calls after a call id, and of the billed ones among them."""
    row = fetch_one(environment, COUNT_CALLS, after=after)
    return row["call_count"], row["billed_count"]


def fetch_one(environment: Environment, query: LiteralString, **parameters: Any) -> dict[str, Any]:
    """Return the first row of a query."""
    rows = fetch(environment, query.encode(), parameters)
    if not rows:
        raise StackError(f"The creators' database has no row for {parameters}.")
    return rows[0]


def fetch_all(environment: Environment, name: str, **parameters: Any) -> Sequence[dict[str, Any]]:
    """Return the rows of a query in `include/sql`."""
    return fetch(environment, (SQL_FOLDER / f"{name}.sql").read_bytes(), parameters)


def fetch(environment: Environment, query: bytes, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a query on the creators' database.

    :raises StackError: the schema was never applied.
    """
    with connect(environment) as connection:
        try:
            return connection.execute(query, parameters).fetchall()
        except psycopg.errors.UndefinedTable:
            raise StackError(f"{describe(environment)} has no Comet tables. Run: make setup-database") from None
