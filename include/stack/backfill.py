"""`make backfill FROM=2026-03-01 TO=2026-03-07`: run missed dates on the running stack and print a line for each."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

from airflow_client.client import DAGRunResponse
from rich.live import Live

from comets.dates import run_date, today
from comets.settings import DAG_ID, settings
from include.stack.airflow_api import FINAL_STATES, AirflowApi
from include.stack.environment import Environment, resolve_for_runs
from include.stack.errors import StackError
from include.stack.leaderboard import fetch_all
from include.stack.output import print_table, say, terminal
from include.stack.processes import running_url

POLL_SECONDS = 2
REPROCESS = "failed"
EXAMPLE = "make backfill FROM=2026-03-01 TO=2026-03-07"
# Heading and column of include/sql/reporting/days.sql.
FIGURES = {
    "searched": "made_search_count",
    "reused": "reused_search_count",
    "Comets": "comet_count",
    "new": "new_comet_count",
    "measured": "observed_count",
    "estimated": "estimated_count",
    "backdated": "late_count",
    "calls": "call_count",
    "billed": "billed_count",
}


class BackfillError(StackError):
    """The backfill cannot start; the text has the remedy."""


def run_backfill(first: str, last: str) -> int:
    """Run missing and failed dates of a period, inclusive; return 0 if all succeed."""
    timezone = settings().timezone
    start, end = instants(*read_days(first, last, timezone), timezone)
    period = start, min(end, datetime.now(UTC))
    environment = resolve_for_runs()
    api = connect_to_airflow(environment)
    planned = api.create_backfill(DAG_ID, *period, REPROCESS)
    if planned:
        say(f"Running dates that are missing or failed: {len(planned)}. Airflow: {api.url}")
    else:
        say("Nothing to do: no date is missing or failed.")

    def runs() -> list[DAGRunResponse]:
        return [run for run in api.runs_between(DAG_ID, *period) if run.logical_date in planned]

    follow(api, runs, timezone)
    print_days(environment, api.runs_between(DAG_ID, *period), timezone)
    failed_count = sum(run.state.value != "success" for run in runs())
    if failed_count:
        say(f"{failed_count} of {len(planned)} runs failed. See their task logs: {api.url}")
    return 1 if failed_count else 0


def read_days(first: str, last: str, timezone: str) -> tuple[date, date]:
    """Parse the first and the last date.

    :raises BackfillError: a date is invalid or in the future, or the first is after the last.
    """
    days = read_day("FROM", first), read_day("TO", last)
    if days[0] > days[1]:
        raise BackfillError(f"FROM={first} is after TO={last}.")
    if days[1] > today(timezone):
        raise BackfillError(f"TO={last} is in the future.")
    return days


def read_day(name: str, text: str) -> date:
    """Parse a date.

    :raises BackfillError: it is invalid or missing.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is not a date: {name}=YYYY-MM-DD" if text else f"{name} is missing"
        raise BackfillError(f"{problem}, for example {EXAMPLE}") from None


def instants(first: date, last: date, timezone: str) -> tuple[datetime, datetime]:
    """Return the first and the last instant of a period of local dates, in UTC."""
    start, end = (
        datetime.combine(day, clock(), ZoneInfo(timezone)).astimezone(UTC) for day in (first, last + timedelta(days=1))
    )
    return start, end - timedelta(microseconds=1)


def connect_to_airflow(environment: Environment) -> AirflowApi:
    """Log in to the running stack.

    :raises BackfillError: the stack is not running, or its Dag is paused.
    """
    url = running_url(environment.state)
    if url is None:
        raise BackfillError("The stack is not running. Start it in another terminal: make up")
    api = AirflowApi(url)
    api.log_in(environment.variables)
    if api.dags.get_dag(DAG_ID).is_paused:
        raise BackfillError(
            f"The Dag {DAG_ID} is paused, so the backfill would not start. Unpause it in the UI ({api.url}) or run:\n"
            f'  make airflow ARGS="dags unpause {DAG_ID}"\n'
            "This also starts the daily schedule, with the last missed run first."
        )
    return api


def follow(api: AirflowApi, runs: Callable[[], Sequence[DAGRunResponse]], timezone: str) -> None:
    """Show the progress of each run until all have ended."""

    def line(run: DAGRunResponse) -> str:
        is_running = run.state.value == "running"
        progress = f", {api.progress(DAG_ID, run.dag_run_id)}" if is_running else ""
        return f"  {run_date(run, timezone)}  {run.state.value}{progress}"

    try:
        with Live(console=terminal(), auto_refresh=False) as live:
            while True:
                found = runs()
                live.update("\n".join(map(line, found)), refresh=True)
                if all(run.state.value in FINAL_STATES for run in found):
                    return
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        say(f"The backfill continues: {api.url}")
        raise


def print_days(environment: Environment, runs: Sequence[DAGRunResponse], timezone: str) -> None:
    """Print a line for each run; a rejected run has no figures."""
    if not runs:
        return
    found = fetch_all(environment, "reporting/days", run_ids=[run.dag_run_id for run in runs])
    figures = {row["run_id"]: row for row in found}
    rows = [
        (
            str(run_date(run, timezone)),
            run.state.value,
            *(
                f"{figures[run.dag_run_id][column]:,}" if run.dag_run_id in figures else "–"
                for column in FIGURES.values()
            ),
        )
        for run in runs
    ]
    say()
    print_table(("date", "state", *FIGURES), rows, frozenset({0, 1}))
    say("searched, reused: hashtag searches; measured, estimated, backdated: follower counts of that date")
