"""`make backfill FROM=2026-03-01 TO=2026-03-07`: fills days through the running stack and shows what each one got."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from comets.settings import DAG_ID
from include.stack.airflow_api import FINAL_STATES, AirflowApi
from include.stack.backfill_result import show_days
from include.stack.day_runs import DayRun, Days, planned_runs
from include.stack.days import instant_range, name_days
from include.stack.environment import Environment, resolve
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.package_settings import package_settings
from include.stack.progress import DONE_STATES, QUIET_SECONDS
from include.stack.stack_lock import running_url

POLL_SECONDS = 2
NOTICE_SECONDS = 180
# Makes days that were never run and days that failed.
REPROCESS = "failed"


class BackfillError(StackError):
    """The backfill cannot be started; the text says what to do."""


def run_backfill(arguments: Sequence[str]) -> int:
    """Fill the days from the first to the second date, both included; return 0 when all of them have succeeded."""
    days = read_days(arguments, package_settings().timezone)
    environment = resolve()
    api = reach_airflow(environment)
    planned = days.plan_backfill(api, REPROCESS)
    tell_left_alone(days, days.runs(api), planned)
    if not planned:
        say("Nothing to do: no run of these days is missing or has failed.")
        show_days(environment, run_of_each_day(days, days.runs(api), planned))
        return 0
    wait_for_earlier_backfill(api)
    backfill = days.create_backfill(api, REPROCESS)
    filled = [days.date_of(run) for run in planned_runs(days.runs(api), planned)]
    say(f"Backfill {backfill} runs {name_days(filled)}; {api.url} shows it too.")
    follow(api, days, planned)
    return show_result(environment, api, days, planned)


def read_days(arguments: Sequence[str], timezone: str) -> Days:
    """Read the first and the last day.

    :raises BackfillError: they are no dates, the wrong way round, or in the future.
    """
    try:
        first, last = (date.fromisoformat(argument) for argument in arguments)
        start, _ = instant_range(first, last, timezone)
    except (ValueError, OverflowError):
        raise BackfillError("Say which days: make backfill FROM=2026-03-01 TO=2026-03-07") from None
    if first > last:
        raise BackfillError(f"FROM={first} is after TO={last}.")
    if start > datetime.now(UTC):
        raise BackfillError(f"FROM={first} is in the future; only days that have begun can be filled.")
    return Days(first, last, timezone)


def reach_airflow(environment: Environment) -> AirflowApi:
    """Log in to the running stack.

    :raises BackfillError: it does not run, or its Dag is paused.
    """
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
    return api


def wait_for_earlier_backfill(api: AirflowApi) -> None:
    """Wait while a backfill is active only because Airflow has not noticed its end: it allows one per Dag.

    :raises BackfillError: one is at work.
    """
    active = api.active_backfill(DAG_ID)
    if active is None:
        return
    runs = api.runs_between(DAG_ID, active["from_date"], active["to_date"])
    if any(run["run_type"] == "backfill" and run["state"] not in FINAL_STATES for run in runs):
        raise BackfillError(
            f"Backfill {active['id']} of the Dag {DAG_ID} is still {'paused' if active['is_paused'] else 'at work'}, "
            "and Airflow allows one at a time.\n"
            f"Wait for its end, or cancel it in the banner of the Dag's page: {api.url}/dags/{DAG_ID}"
        )
    say(f"Backfill {active['id']} has just ended. Airflow takes another one when it notices, within 30 s.")
    api.wait_for(lambda: api.active_backfill(DAG_ID) is None, NOTICE_SECONDS, f"Backfill {active['id']} was not closed")


def tell_left_alone(days: Days, runs: Iterable[DayRun], planned: frozenset[datetime]) -> None:
    """Say which days will not be run, and why."""
    others = [run for run in runs if run.logical_date not in planned]
    filled = {days.date_of(run) for run in planned_runs(runs, planned)}
    succeeded = {days.date_of(run) for run in others if run.state == "success"} - filled
    running = {days.date_of(run) for run in others if not run.is_over} - filled
    if succeeded:
        say(f"Left alone, because they have succeeded: {name_days(succeeded)}.")
    if running:
        say(f"Left alone, because they are being run already: {name_days(running)}.")


@dataclass
class BackfillProgress:
    """What has been told already about the runs of a backfill."""

    api: AirflowApi
    days: Days
    told: dict[str, str] = field(default_factory=dict)
    last_word: float = field(default_factory=time.monotonic)

    def tell(self, runs: Iterable[DayRun]) -> None:
        """Tell which runs have started or ended since, and now and then how far the others have come."""
        for run in runs:
            if run.state != "queued" and self.told.get(run.run_id) != run.state:
                self.told[run.run_id] = run.state
                self._say(f"  {self.days.date_of(run)}  {run.state}")
        if time.monotonic() - self.last_word > QUIET_SECONDS:
            running = [run for run in runs if run.state == "running"]
            for run in running:
                self._say(f"  {self.days.date_of(run)}  ... {self._count_tasks(run)}")
            if not running:
                self._say("  ... waiting for the scheduler")

    def _count_tasks(self, run: DayRun) -> str:
        tasks = self.api.task_states(DAG_ID, run.run_id)
        return f"{sum(task.state in DONE_STATES for task in tasks)} of {len(tasks)} tasks done"

    def _say(self, text: str) -> None:
        self.last_word = time.monotonic()
        say(text)


def follow(api: AirflowApi, days: Days, planned: frozenset[datetime]) -> None:
    """Tell how the runs go until all are over."""
    progress = BackfillProgress(api, days)
    try:
        while True:
            runs = planned_runs(days.runs(api), planned)
            progress.tell(runs)
            if all(run.is_over for run in runs):
                return
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        say(f"Not followed any further; the backfill goes on: {api.url}")
        raise


def show_result(environment: Environment, api: AirflowApi, days: Days, planned: frozenset[datetime]) -> int:
    """Print what each day got, and return the exit code."""
    runs = days.runs(api)
    say()
    show_days(environment, run_of_each_day(days, runs, planned))
    made = planned_runs(runs, planned)
    failed = [run for run in made if run.state != "success"]
    say(f"Succeeded: {len(made) - len(failed)} of {len(made)}.")
    if failed:
        say(f"Failed: {name_days(days.date_of(run) for run in failed)}. The logs of their tasks say why: {api.url}")
    return 1 if failed else 0


def run_of_each_day(days: Days, runs: Iterable[DayRun], planned: frozenset[datetime]) -> dict[date, DayRun]:
    """Choose one run for each day that has any: the one that the backfill made, else the last."""
    chosen: dict[date, DayRun] = {}
    for run in sorted(runs, key=lambda run: (run.logical_date in planned, run.logical_date)):
        chosen[days.date_of(run)] = run
    return chosen
