"""`make backfill FROM=2026-03-01 TO=2026-03-07`: fills days through the running stack and shows how each went."""

import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from comets.settings import DAG_ID
from include.stack.airflow_api import AirflowApi
from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.stack_lock import running_url

# Airflow notices the end of a backfill every 30 s; until then it refuses another one.
POLL_SECONDS = 2


class BackfillError(StackError):
    """The backfill cannot be started; the text says what to do."""


def run_backfill(arguments: Sequence[str]) -> int:
    """Fill the days from the first to the second date, both included; return 0 when all of them have succeeded."""
    first, last = [*arguments, "", ""][:2]
    start, end = instant_range(first, last)
    environment = resolve()
    if running_url(environment.state.stack_lock) is None:
        raise BackfillError("The stack is not running. Start it in another terminal: make up")
    api = AirflowApi(environment.ui_port)
    api.log_in(environment.variables)
    if api.is_paused(DAG_ID):
        raise BackfillError(
            f"The Dag {DAG_ID} is paused, and so its backfill would not start. Unpause it in the UI ({api.url}) or:\n"
            f'  make airflow ARGS="dags unpause {DAG_ID}"\n'
            "This starts the daily schedule too, beginning with the last run that it has missed."
        )
    backfill = api.create_backfill(DAG_ID, start, end)
    say(f"Backfill {backfill} from {first} to {last}; {api.url} shows it too.")
    return follow_backfill(api, backfill, start, end)


def instant_range(first: str, last: str) -> tuple[str, str]:
    """Turn two dates into instants that include the runs of both days.

    :raises BackfillError: they are not dates, or the wrong way round.
    """
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise BackfillError("Say which days: make backfill FROM=2026-03-01 TO=2026-03-07") from None
    if start > end:
        raise BackfillError(f"FROM={first} is after TO={last}.")
    return f"{start}T00:00:00Z", f"{end}T23:59:59Z"


def follow_backfill(api: AirflowApi, backfill: int, start: str, end: str) -> int:
    """Tell each day's result as it comes; return the exit code."""
    states: dict[str, str] = {}
    is_over = False
    while not is_over:
        is_over = api.backfill_is_over(backfill)
        runs = api.runs_between(DAG_ID, start, end)
        for day, state in days_of(runs, is_backfill=True).items():
            if states.get(day) != state:
                states[day] = state
                say(f"  {day}  {state}")
        if not is_over:
            time.sleep(POLL_SECONDS)
    for day, state in days_of(runs, is_backfill=False).items():
        if day not in states:
            say(f"  {day}  not run again, it has a run already: {state}")
    failed = [day for day, state in states.items() if state != "success"]
    say(f"{len(states) - len(failed)} of {len(states)} days succeeded.")
    return 1 if failed else 0


def days_of(runs: Sequence[Mapping[str, Any]], *, is_backfill: bool) -> dict[str, str]:
    """Return the state of each day's run, of runs that a backfill has made or of others."""
    return {
        str(run["logical_date"])[:10]: str(run["state"])
        for run in runs
        if (run["run_type"] == "backfill") == is_backfill
    }
