"""What the days of a backfill have got, from the creators' database."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from include.stack.day_runs import DayRun
from include.stack.environment import Environment
from include.stack.leaderboard import fetch_all
from include.stack.output import say
from include.stack.tables import format_table

# Heading and column of include/sql/report/days.sql.
FIGURES = {
    "made": "made_search_count",
    "re-used": "reused_search_count",
    "Comets": "comet_count",
    "new": "new_comet_count",
    "measured": "observed_count",
    "estimated": "estimated_count",
    "backdated": "late_count",
    "calls": "call_count",
    "billed": "billed_count",
}
HEADINGS = ("date", "state", *FIGURES)
TEXT_COLUMNS = frozenset({0, 1})


def show_days(environment: Environment, runs: Mapping[date, DayRun]) -> None:
    """Print a table with a line for each day's run, if there is any."""
    if not runs:
        return
    found = fetch_all(environment, "report/days", run_ids=[run.run_id for run in runs.values()])
    figures = {row["run_id"]: row for row in found}
    rows = [cells(day, runs[day], figures.get(runs[day].run_id)) for day in sorted(runs)]
    for line in format_table([HEADINGS, *rows], TEXT_COLUMNS):
        say(f"  {line}")
    say("  made, re-used: searches. measured, estimated, backdated: counts of that date, by how they are known.")


def cells(day: date, run: DayRun, figures: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Write one day for a person; a run that was never accepted has no figures."""
    numbers = [f"{figures[column]:,}" if figures else "-" for column in FIGURES.values()]
    return str(day), run.state, *numbers
