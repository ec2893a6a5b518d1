"""`make demo`: the main job through the real scheduler, from nothing to a printed leaderboard."""

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
from include.stack.forecast import ask_consent, forecast
from include.stack.interrupts import Stopped, stoppable
from include.stack.leaderboard import ROW_LIMIT, count_calls, last_call, show_leaderboard
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
# Fills the day whether it was run before or not.
MAKE_AGAIN = "completed"
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
                    say(f"{forecast(environment, settings())}.")
                ask_consent("Go on?")
            api = stack.enter_context(running_airflow(environment, "make demo"))
            api.wait_for_dag(DAG_ID, DAG_SECONDS)
            return run_month(environment, api) if environment.is_sandbox else run_today(environment, api)
        except Stopped:
            say("Stopping.")
            stack.close()
            say("Stopped before the end. What was stored so far is kept.")
            return INTERRUPTED


def demo_environment() -> Environment:
    """Resolve the environment with free ports where none were chosen, and a scheduler that starts nothing by itself."""
    first = resolve()
    chosen = {}
    if "ui" not in first.configured_ports:
        chosen["COMETS_UI_PORT"] = str(free_port())
    if first.is_sandbox and "sandbox" not in first.configured_ports:
        chosen["COMETS_SANDBOX_PORT"] = str(free_port())
    environment = resolve_for_runs({**os.environ, **chosen})
    # Unpausing a Dag would otherwise start the scheduled run that was missed last.
    demo_settings = {
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    }
    return replace(environment, variables={**environment.variables, **demo_settings})


def announce(environment: Environment) -> None:
    """Say before anything starts what will happen and what it can cost."""
    if environment.is_sandbox:
        say(NOTICE)
        say(f"This demo runs the Dag {DAG_ID} for {HISTORY_DAYS} days; one is missed, and backfilled at the end.")
    else:
        say(f"This runs the Dag {DAG_ID} once, for today, on the real data of {environment.tikhub_host}")
        say(f"(from {environment.tikhub_source}).")
    say(f"Results go into {describe(environment)}.")
    say()


def run_month(environment: Environment, api: AirflowApi) -> int:
    """Make a month of made-up days: a past without a scheduler, the last days and a missed one by Airflow."""
    timezone = settings().timezone
    days = month(datetime.now(ZoneInfo(timezone)))
    missed = days[-1 - MISSED_DAYS_AGO]
    past, latest = [day for day in days[:-LIVE_DAYS] if day != missed], days[-LIVE_DAYS:]
    calls_before = last_call(environment)
    say(f"{past[0]} to {past[-1]}: {len(past)} days of history without a scheduler; {missed} is missed on purpose.")
    make_history(environment, past)
    with unpaused(api):
        for day in latest:
            at = datetime.combine(day, clock(RUN_HOUR), ZoneInfo(timezone))
            SandboxClient(sandbox_url(environment.sandbox_port)).set_clock(at)
            follow_run(environment, api, trigger(api, at), f"{day}, run by Airflow")
        period = instants(missed, missed, timezone)
        api.wait_for(lambda: is_over(api, period), BACKFILL_SECONDS, "The day's earlier run did not end")
        (at,) = api.create_backfill(DAG_ID, *period, MAKE_AGAIN)
        follow_run(environment, api, run_of(api, at), f"{missed}, backfilled by Airflow")
    show_result(environment, latest[-1], calls_before)
    return 0


def run_today(environment: Environment, api: AirflowApi) -> int:
    """Run the Dag once, on real data."""
    calls_before = last_call(environment)
    with unpaused(api):
        run_id = trigger(api, None)
        follow_run(environment, api, run_id, f"Run {run_id}")
    show_result(environment, datetime.now(ZoneInfo(settings().timezone)).date(), calls_before)
    return 0


def month(now: datetime) -> list[date]:
    """Return the days up to the last one whose run is due: a logical date in the future would make its run wait."""
    last = now.date() if now.hour >= RUN_HOUR else now.date() - timedelta(days=1)
    return [last - timedelta(days=back) for back in reversed(range(HISTORY_DAYS))]


def make_history(environment: Environment, days: Sequence[date]) -> None:
    """Run past days in a process of its own, which reads its settings from its environment.

    :raises StackError: it failed; the text holds the end of its log.
    """
    begun = time.monotonic()
    path = environment.state.logs / "history.log"
    arguments = [sandbox_url(environment.sandbox_port), str(RUN_HOUR), *map(str, days)]
    with open_log(path) as log, terminal().status(f"{len(days)} days"):
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
        raise StackError(f"The history could not be made. {log_tail(path)}")
    say(f"{len(days)} days: success after {time.monotonic() - begun:.0f} s")


@contextmanager
def unpaused(api: AirflowApi) -> Iterator[None]:
    """Let the Dag's runs start, and leave it paused behind: a later `make up` must not start paid runs unasked."""
    api.set_paused(DAG_ID, False)
    try:
        yield
    finally:
        with suppress(ApiException, urllib3.exceptions.HTTPError):
            api.set_paused(DAG_ID, True)


def trigger(api: AirflowApi, at: datetime | None) -> str:
    """Start a run, or start the one of that logical date again; return its id."""
    try:
        return api.dag_runs.trigger_dag_run(DAG_ID, TriggerDAGRunPostBody(logical_date=at, conf={})).dag_run_id
    except ConflictException:
        if at is None:
            raise
        run_id = run_of(api, at)
        api.dag_runs.clear_dag_run(DAG_ID, run_id, DAGRunClearBody(dry_run=False))
        return run_id


def run_of(api: AirflowApi, at: datetime) -> str:
    """Return the id of the run with a logical date."""
    return api.runs_between(DAG_ID, at, at)[0].dag_run_id


def is_over(api: AirflowApi, period: tuple[datetime, datetime]) -> bool:
    """Tell whether no run of a period is at work: an interrupted demo may have left one, which goes on now."""
    return all(run.state.value in FINAL_STATES for run in api.runs_between(DAG_ID, *period))


def follow_run(environment: Environment, api: AirflowApi, run_id: str, title: str) -> None:
    """Wait for the end of a run and say how it ended.

    :raises StackError: it failed; the text is the end of its logs.
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
    say(f"{title}: {state} after {time.monotonic() - begun:.0f} s")
    if state != "success":
        lines = "\n".join(api.failures(DAG_ID, run_id))
        raise StackError(f"The run {run_id} has failed.\n{lines}\nAll task logs: {environment.task_logs}")


def show_result(environment: Environment, last_date: date, calls_before: int) -> None:
    """Print the leaderboard of the last day, the costs and what to do next."""
    say()
    if environment.is_sandbox:
        say(NOTICE)
    show_leaderboard(environment, last_date, ROW_LIMIT)
    calls, billed = count_calls(environment, calls_before)
    price = settings().budget.price_per_call_usd
    say()
    if not calls:
        say("Calls: none. These days had been asked before, and what was answered then is used again.")
    elif environment.is_sandbox:
        say(
            f"Calls: {calls:,}, {billed:,} of them billed. On the real TikHub they would cost {billed * price:.2f} USD."
        )
    else:
        say(f"Calls: {calls:,}, {billed:,} of them billed: {billed * price:.2f} USD.")
    say()
    say("What to do next:")
    if environment.is_sandbox:
        say("  make up                       serve these data with Airflow's UI and the Comets page")
        say("  TIKHUB_API_KEY=... make up    the same with real data; the key may stand in .env")
    else:
        say("  make up                       serve Airflow's UI; unpause the Dag there for the daily run")
    say("  include/comets.yaml           change hashtags and criteria")
