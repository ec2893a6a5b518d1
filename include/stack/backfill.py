"""`make backfill FROM=2026-03-01 TO=2026-03-07`: fills days through the running stack and shows what each one got."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from airflow_client.client import DAGRunResponse
from rich.live import Live

from comets.run import run_date
from comets.settings import DAG_ID
from include.stack.airflow_api import FINAL_STATES, AirflowApi
from include.stack.environment import Environment, resolve_for_runs
from include.stack.errors import StackError
from include.stack.leaderboard import fetch_all
from include.stack.output import say, show_table, terminal
from include.stack.package_settings import package_settings
from include.stack.processes import running_url
from include.stack.runs import DONE_STATES, state_of

POLL_SECONDS = 2
NOTICE_SECONDS = 180
# Makes days that were never run and days that failed.
REPROCESS = "failed"
EXAMPLE = "make backfill FROM=2026-03-01 TO=2026-03-07"
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


class BackfillError(StackError):
    """The backfill cannot be started; the text says what to do."""


@dataclass(frozen=True)
class Days:
    """All days from one to another in the Dag's timezone, both included."""

    first: date
    last: date
    timezone: str

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """The first and the last instant of these days, in UTC; where the clocks skip midnight, a day's first one."""
        start, end = (
            datetime.combine(day, clock(), ZoneInfo(self.timezone)).astimezone(UTC)
            for day in (self.first, self.last + timedelta(days=1))
        )
        return start, end - timedelta(microseconds=1)

    def date_of(self, run: DAGRunResponse) -> date:
        """Return the day that a run owns."""
        return run_date(run, self.timezone)


def run_backfill(first: str, last: str) -> int:
    """Fill the days from the first to the last date, both included; return 0 when all of them have succeeded."""
    days = read_days(first, last, package_settings().timezone)
    environment = resolve_for_runs()
    api = reach_airflow(environment)
    planned = api.plan_backfill(DAG_ID, *days.instants, REPROCESS)
    runs = api.runs_between(DAG_ID, *days.instants)
    say_left_alone(days, runs, planned)
    if not planned:
        say("Nothing to do: no run of these days is missing or has failed.")
        show_days(environment, days, runs, planned)
        return 0
    wait_for_earlier_backfill(api)
    number = api.create_backfill(DAG_ID, *days.instants, REPROCESS)
    filled = name_days(days.date_of(run) for run in made(api, days, planned))
    say(f"Backfill {number} runs {filled}; {api.url} shows it too.")
    follow(api, days, planned)
    runs = api.runs_between(DAG_ID, *days.instants)
    say()
    show_days(environment, days, runs, planned)
    failed = [run for run in runs if run.logical_date in planned and run.state.value != "success"]
    say(f"Succeeded: {len(planned) - len(failed)} of {len(planned)}.")
    if failed:
        say(f"Failed: {name_days(map(days.date_of, failed))}. The logs of their tasks say why: {api.url}")
    return 1 if failed else 0


def read_days(first: str, last: str, timezone: str) -> Days:
    """Read the first and the last day.

    :raises BackfillError: they are no dates, the wrong way round, or in the future.
    """
    days = Days(read_day("FROM", first), read_day("TO", last), timezone)
    if days.first > days.last:
        raise BackfillError(f"FROM={first} is after TO={last}.")
    try:
        start, _ = days.instants
    except OverflowError:
        raise BackfillError(f"TO={last} is too far away: {EXAMPLE}") from None
    if start > datetime.now(UTC):
        raise BackfillError(f"FROM={first} is in the future; only days that have begun can be filled.")
    return days


def read_day(name: str, text: str) -> date:
    """Read a date.

    :raises BackfillError: it is none; the text shows how to write it.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is not a date: {name}=YYYY-MM-DD" if text else f"{name} is missing"
        raise BackfillError(f"{problem}, for example {EXAMPLE}") from None


def reach_airflow(environment: Environment) -> AirflowApi:
    """Log in to the running stack.

    :raises BackfillError: it does not run, or its Dag is paused.
    """
    url = running_url(environment.state)
    if url is None:
        raise BackfillError("The stack is not running. Start it in another terminal: make up")
    api = AirflowApi(url)
    api.log_in(environment.variables)
    if api.dags.get_dag(DAG_ID).is_paused:
        raise BackfillError(
            f"The Dag {DAG_ID} is paused, and so its backfill would not start. Unpause it in the UI ({api.url}) or:\n"
            f'  make airflow ARGS="dags unpause {DAG_ID}"\n'
            "This starts the daily schedule too, beginning with the last run that it has missed."
        )
    return api


def wait_for_earlier_backfill(api: AirflowApi) -> None:
    """Wait while a backfill is active only because Airflow has not noticed its end: it allows one per Dag.

    :raises BackfillError: one is at work.
    """
    active = api.active_backfill(DAG_ID)
    if active is None:
        return
    runs = api.runs_between(DAG_ID, active.from_date, active.to_date)
    if any(run.run_type.value == "backfill" and run.state.value not in FINAL_STATES for run in runs):
        raise BackfillError(
            f"Backfill {active.id} of the Dag {DAG_ID} is still {'paused' if active.is_paused else 'at work'}, and "
            "Airflow allows one at a time.\n"
            f"Wait for its end, or cancel it in the banner of the Dag's page: {api.url}/dags/{DAG_ID}"
        )
    say(f"Backfill {active.id} has just ended. Airflow takes another one when it notices, within 30 s.")
    api.wait_for(lambda: api.active_backfill(DAG_ID) is None, NOTICE_SECONDS, f"Backfill {active.id} was not closed")


def say_left_alone(days: Days, runs: Iterable[DAGRunResponse], planned: frozenset[datetime]) -> None:
    """Say which days will not be run, and why."""
    filled = {days.date_of(run) for run in runs if run.logical_date in planned}
    others = [run for run in runs if run.logical_date not in planned and days.date_of(run) not in filled]
    succeeded = {days.date_of(run) for run in others if run.state.value == "success"}
    running = {days.date_of(run) for run in others if run.state.value not in FINAL_STATES}
    if succeeded:
        say(f"Left alone, because they have succeeded: {name_days(succeeded)}.")
    if running:
        say(f"Left alone, because they are being run already: {name_days(running)}.")


def made(api: AirflowApi, days: Days, planned: frozenset[datetime]) -> list[DAGRunResponse]:
    """Return the runs of a backfill."""
    return [run for run in api.runs_between(DAG_ID, *days.instants) if run.logical_date in planned]


def follow(api: AirflowApi, days: Days, planned: frozenset[datetime]) -> None:
    """Show a line for each day until all runs are over; a file gets the last one of each."""
    try:
        with Live(console=terminal(), auto_refresh=False) as live:
            while True:
                runs = made(api, days, planned)
                live.update("\n".join(describe(api, days, run) for run in runs), refresh=True)
                if all(run.state.value in FINAL_STATES for run in runs):
                    return
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        say(f"Not followed any further; the backfill goes on: {api.url}")
        raise


def describe(api: AirflowApi, days: Days, run: DAGRunResponse) -> str:
    """Say how a run of a backfill stands."""
    line = f"  {days.date_of(run)}  {run.state.value}"
    if run.state.value != "running":
        return line
    tasks = api.tasks(DAG_ID, run.dag_run_id)
    return f"{line}, {sum(state_of(task) in DONE_STATES for task in tasks)} of {len(tasks)} tasks done"


def show_days(
    environment: Environment, days: Days, runs: Iterable[DAGRunResponse], planned: frozenset[datetime]
) -> None:
    """Print a line for each day: of the run that the backfill made, else of its last one."""
    chosen: dict[date, DAGRunResponse] = {}
    for run in sorted(runs, key=lambda run: (run.logical_date in planned, run.run_after)):
        chosen[days.date_of(run)] = run
    if not chosen:
        return
    found = fetch_all(environment, "report/days", run_ids=[run.dag_run_id for run in chosen.values()])
    figures = {row["run_id"]: row for row in found}
    rows = [cells(day, run, figures.get(run.dag_run_id)) for day, run in sorted(chosen.items())]
    show_table(("date", "state", *FIGURES), rows, frozenset({0, 1}))
    say("made, re-used: searches. measured, estimated, backdated: counts of that date, by how they are known.")


def cells(day: date, run: DAGRunResponse, figures: dict[str, Any] | None) -> tuple[str, ...]:
    """Write one day for a person; a run that was never accepted has no figures."""
    numbers = [f"{figures[column]:,}" if figures else "–" for column in FIGURES.values()]
    return str(day), run.state.value, *numbers


def name_days(days: Iterable[date]) -> str:
    """Write days down, neighbours as a range: `2026-03-01, 2026-03-03 to 2026-03-05`."""
    return ", ".join(f"{first} to {last}" if first != last else str(first) for first, last in ranges(days))


def ranges(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Gather neighbouring days."""
    first = last = None
    for day in sorted(set(days)):
        if first is not None and last is not None and day - last > timedelta(days=1):
            yield first, last
            first = day
        first, last = first or day, day
    if first is not None and last is not None:
        yield first, last
