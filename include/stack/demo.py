"""`make demo`: run the pipeline on the real scheduler and print a leaderboard."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

import urllib3
from airflow_client.client import DAGRunClearBody, TriggerDAGRunPostBody
from airflow_client.client.exceptions import ApiException, ConflictException

from comets.settings import DAG_ID, settings
from include.sandbox import NOTICE
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import FINAL_STATES, POLL_SECONDS, AirflowApi
from include.stack.backfill import instants
from include.stack.database import describe
from include.stack.environment import Environment, resolve, resolve_for_runs
from include.stack.errors import StackError
from include.stack.files import log_tail, open_log
from include.stack.forecast import confirm, forecast
from include.stack.interrupts import Stopped, stoppable
from include.stack.leaderboard import ROW_LIMIT, count_calls, last_call, print_leaderboard
from include.stack.output import say, terminal
from include.stack.ports import free_port
from include.stack.project import PROJECT
from include.stack.sandbox import sandbox_url
from include.stack.services import databases
from include.stack.up import preflight, running_airflow

DAG_SECONDS = 120
BACKFILL_SECONDS = 300
HISTORY_DAYS = 30
LIVE_DAYS = 2
MISSED_DAYS_AGO = 14
RUN_HOUR = 2
REPROCESS = "completed"
INTERRUPTED = 130


def run_demo() -> int:
    """Run the demo; return the exit code."""
    environment = demo_environment()
    preflight(environment)
    with stoppable(), ExitStack() as stack:
        try:
            announce(environment)
            if not environment.is_sandbox:
                with databases(environment):
                    say(f"Forecast: {forecast(environment, settings())}.")
                confirm("Continue?")
            api = stack.enter_context(running_airflow(environment, "make demo"))
            api.wait_for_dag(DAG_ID, DAG_SECONDS)
            return run_month(environment, api) if environment.is_sandbox else run_today(environment, api)
        except Stopped:
            say("Stopping...")
            stack.close()
            say("Stopped early. Stored data is kept.")
            return INTERRUPTED


def demo_environment() -> Environment:
    """Resolve the environment, with free ports unless they are configured, and without scheduled runs."""
    first = resolve()
    chosen = {}
    if "ui" not in first.configured_ports:
        chosen["COMETS_UI_PORT"] = str(free_port())
    if first.is_sandbox and "sandbox" not in first.configured_ports:
        chosen["COMETS_SANDBOX_PORT"] = str(free_port())
    environment = resolve_for_runs({**os.environ, **chosen})
    # Otherwise unpausing the Dag starts the last missed run.
    demo_settings = {
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    }
    return replace(environment, variables={**environment.variables, **demo_settings})


def announce(environment: Environment) -> None:
    """Print what the demo does and where the results go."""
    if environment.is_sandbox:
        say(NOTICE)
        say(f"Running the Dag {DAG_ID} for {HISTORY_DAYS} dates; one is skipped and backfilled at the end.")
    else:
        say(f"Running the Dag {DAG_ID} once, for today, with real data from {environment.tikhub_host}")
        say(f"(key from {environment.tikhub_source}).")
    say(f"Database: {describe(environment)}.")
    say()


def run_month(environment: Environment, api: AirflowApi) -> int:
    """Run a month of made-up dates: the past in one process, the last dates and the skipped one in Airflow."""
    timezone = settings().timezone
    days = month(datetime.now(ZoneInfo(timezone)))
    missed = days[-1 - MISSED_DAYS_AGO]
    past, latest = [day for day in days[:-LIVE_DAYS] if day != missed], days[-LIVE_DAYS:]
    calls_before = last_call(environment)
    say(f"{past[0]} to {past[-1]}: {len(past)} dates without the scheduler; {missed} is skipped on purpose.")
    run_history(environment, past)
    with unpaused(api):
        for day in latest:
            at = datetime.combine(day, clock(RUN_HOUR), ZoneInfo(timezone))
            SandboxClient(sandbox_url(environment.sandbox_port)).set_clock(at)
            follow_run(environment, api, trigger(api, at), f"{day}, run by Airflow")
        period = instants(missed, missed, timezone)
        api.wait_for(lambda: is_over(api, period), BACKFILL_SECONDS, "The date's earlier run did not end")
        (at,) = api.create_backfill(DAG_ID, *period, REPROCESS)
        follow_run(environment, api, find_run_id(api, at), f"{missed}, backfilled by Airflow")
    print_result(environment, latest[-1], calls_before)
    return 0


def run_today(environment: Environment, api: AirflowApi) -> int:
    """Run the Dag once with real data."""
    calls_before = last_call(environment)
    with unpaused(api):
        run_id = trigger(api, None)
        follow_run(environment, api, run_id, f"Run {run_id}")
    print_result(environment, datetime.now(ZoneInfo(settings().timezone)).date(), calls_before)
    return 0


def month(now: datetime) -> list[date]:
    """Return the last dates whose runs are due; a run with a future logical date would wait."""
    last = now.date() if now.hour >= RUN_HOUR else now.date() - timedelta(days=1)
    return [last - timedelta(days=back) for back in reversed(range(HISTORY_DAYS))]


def run_history(environment: Environment, days: Sequence[date]) -> None:
    """Run past dates in a process with the environment's settings.

    :raises StackError: the process fails; the text has the end of its log.
    """
    begun = time.monotonic()
    path = environment.state.logs / "history.log"
    arguments = [sandbox_url(environment.sandbox_port), str(RUN_HOUR), *map(str, days)]
    with open_log(path) as log, terminal().status(f"{len(days)} dates"):
        process = subprocess.Popen(
            [sys.executable, "-m", "include.stack.history", *arguments],
            cwd=PROJECT,
            env=environment.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            code = process.wait()
        finally:
            process.kill()
            process.wait()
    if code:
        raise StackError(f"Running the history failed. {log_tail(path)}")
    say(f"{len(days)} dates: success in {time.monotonic() - begun:.0f} s")


@contextmanager
def unpaused(api: AirflowApi) -> Iterator[None]:
    """Unpause the Dag, and pause it again at the end: a later `make up` must not start paid runs."""
    api.set_paused(DAG_ID, False)
    try:
        yield
    finally:
        with suppress(ApiException, urllib3.exceptions.HTTPError):
            api.set_paused(DAG_ID, True)


def trigger(api: AirflowApi, at: datetime | None) -> str:
    """Trigger a run, or clear the existing one of that logical date; return its id."""
    try:
        return api.dag_runs.trigger_dag_run(DAG_ID, TriggerDAGRunPostBody(logical_date=at, conf={})).dag_run_id
    except ConflictException:
        if at is None:
            raise
        run_id = find_run_id(api, at)
        api.dag_runs.clear_dag_run(DAG_ID, run_id, DAGRunClearBody(dry_run=False))
        return run_id


def find_run_id(api: AirflowApi, at: datetime) -> str:
    """Return the id of the run with a logical date."""
    return api.runs_between(DAG_ID, at, at)[0].dag_run_id


def is_over(api: AirflowApi, period: tuple[datetime, datetime]) -> bool:
    """Return whether all runs of a period have ended; an interrupted demo may have left one that continues now."""
    return all(run.state.value in FINAL_STATES for run in api.runs_between(DAG_ID, *period))


def follow_run(environment: Environment, api: AirflowApi, run_id: str, title: str) -> None:
    """Wait until a run ends, and print its state.

    :raises StackError: the run fails; the text has the end of its logs.
    """
    begun = time.monotonic()
    with terminal().status(title) as status:
        while True:
            api.check()
            state = api.run_state(DAG_ID, run_id)
            if state in FINAL_STATES:
                break
            status.update(f"{title}: {api.progress(DAG_ID, run_id)}")
            time.sleep(POLL_SECONDS)
    say(f"{title}: {state} in {time.monotonic() - begun:.0f} s")
    if state != "success":
        lines = "\n".join(api.failures(DAG_ID, run_id))
        raise StackError(f"The run {run_id} failed.\n{lines}\nAll task logs: {environment.task_logs}")


def print_result(environment: Environment, last_date: date, calls_before: int) -> None:
    """Print the leaderboard of a date, the cost and the next steps."""
    say()
    if environment.is_sandbox:
        say(NOTICE)
    print_leaderboard(environment, last_date, ROW_LIMIT)
    calls, billed = count_calls(environment, calls_before)
    price = settings().budget.price_per_call_usd
    say()
    if not calls:
        say("Calls: 0. Stored responses were reused.")
    elif environment.is_sandbox:
        say(f"Calls: {calls:,} ({billed:,} billed). TikHub would charge {billed * price:.2f} USD.")
    else:
        say(f"Calls: {calls:,} ({billed:,} billed). Cost: {billed * price:.2f} USD.")
    say()
    say("Next steps:")
    if environment.is_sandbox:
        say("  make up                       browse this data in Airflow's UI and on the Comets page")
        say("  TIKHUB_API_KEY in .env        use real data with make demo and make up")
    else:
        say("  make up                       open Airflow's UI and unpause the Dag for daily runs")
    say("  include/comets.yaml           change hashtags and criteria")
