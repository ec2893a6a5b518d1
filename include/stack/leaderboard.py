"""The growing Comets of a date, and what finding them cost, from the creators' database."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, LiteralString

from comets.text import printable_text
from include.stack.database import DatabaseError, connect
from include.stack.environment import Environment
from include.stack.output import say
from include.stack.project import PROJECT

QUERY_FILE = PROJECT / "include" / "sql" / "leaderboard.sql"
HEADINGS = ("", "handle", "followers", "growth/day", "percent/day", "hashtags")
LAST_CALL = "select coalesce(max(call_id), 0) as call_id from comet_calls"
# A run that is made anew keeps its id and its earlier calls.
COUNT_CALLS = """
select
    count(*) as call_count,
    count(*) filter (where is_billed) as billed_count
from comet_calls
where run_id = any(%(run_ids)s::text[]) and call_id > %(after)s
"""
RECORDED_DATE = "select recorded_date from comet_runs where run_id = %(run_id)s"


def show_leaderboard(environment: Environment, recorded_date: date, row_limit: int) -> None:
    """Print the leaderboard of a date."""
    with connect(environment) as connection:
        rows = connection.execute(
            QUERY_FILE.read_bytes(), {"recorded_date": recorded_date, "row_limit": row_limit}
        ).fetchall()
    if not rows:
        say(f"No Comets on {recorded_date}.")
        return
    say(f"Leaderboard of {recorded_date}, fastest growing first:")
    for line in format_table([HEADINGS, *(cells(row) for row in rows)]):
        say(f"  {line}")


def last_call(environment: Environment) -> int:
    """Return the number of the last call that was ever made."""
    return int(fetch_one(environment, LAST_CALL, {})["call_id"])


def count_calls(environment: Environment, run_ids: Sequence[str], after: int) -> tuple[int, int]:
    """Return how many calls the runs have made after a certain one, and how many of them are billed."""
    row = fetch_one(environment, COUNT_CALLS, {"run_ids": list(run_ids), "after": after})
    return row["call_count"], row["billed_count"]


def recorded_date_of(environment: Environment, run_id: str) -> date:
    """Return the date under which a run has stored its rows."""
    found: date = fetch_one(environment, RECORDED_DATE, {"run_id": run_id})["recorded_date"]
    return found


def fetch_one(environment: Environment, query: LiteralString, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run a query that always has a row."""
    with connect(environment) as connection:
        row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise DatabaseError(f"The creators' database holds nothing about {parameters}.")
    return row


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Write one row of the query for a person; what a creator never told is a dash."""
    percent = row["daily_growth_percent"]
    return (
        str(row["place"]),
        f"@{printable_text(row['handle'])}" if row["handle"] else "-",
        f"{row['follower_count']:,}",
        f"{row['daily_growth_followers']:+,}",
        "-" if percent is None else f"{percent:+.2f}",
        " ".join(f"#{printable_text(hashtag)}" for hashtag in row["hashtags"]),
    )


def format_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: numbers to the right, the first text column and the last one to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(align(row[i], widths[i], i) for i in range(len(row))).rstrip() for row in rows]


def align(cell: str, width: int, column: int) -> str:
    """Pad a cell."""
    return cell.ljust(width) if column in (1, len(HEADINGS) - 1) else cell.rjust(width)
