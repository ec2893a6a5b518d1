"""The growing Comets of a date, and what finding them cost, from the creators' database."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from include.stack.database import connect
from include.stack.environment import Environment
from include.stack.output import say
from include.stack.project import PROJECT

QUERY_FILE = PROJECT / "include" / "sql" / "leaderboard.sql"
HEADINGS = ("", "handle", "followers", "growth/day", "percent/day", "hashtags")
COUNT_CALLS = """
select
    count(*) as call_count,
    count(*) filter (where is_billed) as billed_count
from comet_calls
where run_id = any(%(run_ids)s::text[])
"""


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


def count_calls(environment: Environment, run_ids: Sequence[str]) -> tuple[int, int]:
    """Return how many calls the runs have made, and how many of them are billed."""
    with connect(environment) as connection:
        row = connection.execute(COUNT_CALLS, {"run_ids": list(run_ids)}).fetchone()
    return (row["call_count"], row["billed_count"]) if row else (0, 0)


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Write one row of the query for a person; what a creator never told is a dash."""
    percent = row["daily_growth_percent"]
    return (
        str(row["place"]),
        f"@{printable(row['handle'])}" if row["handle"] else "-",
        f"{row['follower_count']:,}",
        f"{row['daily_growth_followers']:+,}",
        "-" if percent is None else f"{percent:+.2f}",
        " ".join(f"#{printable(hashtag)}" for hashtag in row["hashtags"]),
    )


def printable(text: str) -> str:
    """Take control characters out of a text from outside: they could drive the terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def format_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: numbers to the right, the first text column and the last one to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(align(row[i], widths[i], i) for i in range(len(row))).rstrip() for row in rows]


def align(cell: str, width: int, column: int) -> str:
    """Pad a cell."""
    return cell.ljust(width) if column in (1, len(HEADINGS) - 1) else cell.rjust(width)
