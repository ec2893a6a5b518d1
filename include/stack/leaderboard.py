"""The growing Comets of a date, and what finding them cost, from the creators' database."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, LiteralString

from comets.tables import BASIS_LABELS
from comets.text import printable_text
from include.stack.database import DatabaseError, connect
from include.stack.environment import Environment
from include.stack.output import say
from include.stack.project import PROJECT
from include.stack.tables import format_table

SQL_FOLDER = PROJECT / "include" / "sql"
LEADERBOARD_HEADINGS = ("", "handle", "followers", "growth/day", "percent/24 h", "hashtags")
LEADERBOARD_TEXT = frozenset({1, 5})
DAYS_HEADINGS = ("date", "followers", "growth/day", "known by")
DAYS_TEXT = frozenset({0, 3})
SHOWN_DAYS = 7
MARK = "~"
FIRST_READING = "first reading"
LEGEND = f"{MARK} rests on an estimate: a count that nobody read on its day is derived from the counts around it."
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
    """Print the leaderboard of a date, and the days of its first creator if there are several."""
    rows = fetch_all(environment, "leaderboard", recorded_date=recorded_date, row_limit=row_limit)
    if not rows:
        say(f"No Comets on {recorded_date}.")
        return
    first = rows[0]["user_id"]
    days = fetch_all(environment, "creator_days", user_id=first, recorded_date=recorded_date, row_limit=SHOWN_DAYS)
    say(f"Leaderboard of {recorded_date}, fastest growing first:")
    say_table([LEADERBOARD_HEADINGS, *(leaderboard_cells(row) for row in rows)], LEADERBOARD_TEXT)
    if len(days) > 1:
        say()
        say(f"The fastest of them, day by day: {handle_cell(rows[0])}")
        say_table([DAYS_HEADINGS, *(day_cells(day) for day in days)], DAYS_TEXT)


def say_table(rows: Sequence[Sequence[str]], text_columns: frozenset[int]) -> None:
    """Print a table, and what its marks mean if it has any."""
    for line in format_table(rows, text_columns):
        say(f"  {line}")
    if any(cell.startswith(MARK) for row in rows for cell in row):
        say(f"  {LEGEND}")


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


def fetch_all(environment: Environment, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a SQL file of `include/sql`."""
    with connect(environment) as connection:
        return connection.execute((SQL_FOLDER / f"{name}.sql").read_bytes(), parameters).fetchall()


def leaderboard_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Write one row of the leaderboard for a person."""
    return (
        str(row["place"]),
        handle_cell(row),
        number_cell(row["follower_count"], ",", row["is_estimated"]),
        growth_cell(row),
        number_cell(row["growth_percent"], "+.2f", row["is_estimated"]),
        " ".join(f"#{printable_text(hashtag)}" for hashtag in row["hashtags"]),
    )


def day_cells(day: Mapping[str, Any]) -> tuple[str, ...]:
    """Write one day of a creator for a person."""
    return (
        str(day["recorded_date"]),
        number_cell(day["follower_count"], ",", day["is_estimated"]),
        growth_cell(day),
        BASIS_LABELS[day["basis"]],
    )


def handle_cell(row: Mapping[str, Any]) -> str:
    """Write a handle so that it cannot drive a terminal; what a creator never told is a dash."""
    return f"@{printable_text(row['handle'])}" if row["handle"] else "-"


def growth_cell(row: Mapping[str, Any]) -> str:
    """Write a growth a day, or that the row is the first reading."""
    if row["daily_growth_followers"] is None and not row["is_estimated"]:
        return FIRST_READING
    return number_cell(row["daily_growth_followers"], "+,", row["is_estimated"])


def number_cell(number: Any, form: str, is_estimated: bool) -> str:
    """Write a number, marked when it rests on an estimate; an unknown one is a dash."""
    if number is None:
        return "-"
    return f"{MARK if is_estimated else ''}{number:{form}}"
