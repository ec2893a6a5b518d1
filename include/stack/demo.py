"""`make demo`: the main job through the real scheduler, from nothing to a printed leaderboard."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

from comets.settings import DAG_ID
from include.sandbox import NOTICE
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import AirflowApi, AirflowApiError, TaskState
from include.stack.components import ComponentEndedError, Components
from include.stack.database import describe
from include.stack.day_runs import Days, planned_runs
from include.stack.demo_days import Day, plan_days, plan_steps
from include.stack.environment import Environment, resolve
from include.stack.interrupts import Stopped, stoppable
from include.stack.leaderboard import count_calls, last_call, recorded_date_of, show_leaderboard
from include.stack.output import say
from include.stack.package_settings import package_settings
from include.stack.ports import free_port, require_free
from include.stack.progress import follow_run
from include.stack.sandbox import sandbox_url
from include.stack.services import airflow_services, set_up_given_database
from include.stack.stack_lock import exclusive_stack
from include.stack.task_logs import log_tail, run_folder

HEALTHY_SECONDS = 180
DAG_SECONDS = 120
EARLIER_BACKFILL_SECONDS = 300
# Fills the day whether it was run before or not.
MAKE_ANEW = "completed"
LEADERBOARD_ROWS = 15
INTERRUPTED = 130


def run_demo(_arguments: Sequence[str]) -> int:
    """Run the demo; return the exit code."""
    environment = demo_environment()
    url = f"http://127.0.0.1:{environment.ui_port}"
    days = plan_days(environment, datetime.now(UTC))
    with stoppable(), ExitStack() as stack:
        try:
            stack.enter_context(exclusive_stack(environment.state.stack_lock, "make demo", url))
            require_free(environment.ui_port, "Airflow's UI", "COMETS_UI_PORT")
            announce(environment, days)
            return run_days(environment, days, stack)
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
    environment = resolve({**os.environ, **chosen})
    # Unpausing a Dag would otherwise start the scheduled run that was missed last.
    demo_settings = {
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    }
    return replace(environment, variables={**environment.variables, **demo_settings})


def announce(environment: Environment, days: Sequence[Day]) -> None:
    """Say before anything starts what will happen and what it can cost."""
    if environment.is_sandbox:
        say(NOTICE)
        say(f"This demo runs the Dag {DAG_ID} for {len(days)} days, {days[0].date} to {days[-1].date}.")
        for day in [day for day in days if day.is_missed]:
            say(f"Day {day.number} of them is missed on purpose and filled at the end, by Airflow's backfill.")
    else:
        budget = package_settings().budget
        cost = budget.max_api_calls * budget.price_per_call_usd
        say(f"This runs the Dag {DAG_ID} once, for today, on the real data of {environment.tikhub_host}")
        say(f"(from {environment.tikhub_source}).")
        say(f"It makes at most {budget.max_api_calls} calls, which cost at most {cost:.2f} USD (include/comets.yaml).")
    say(f"Results go into {describe(environment)}.")
    if environment.is_sandbox and environment.database_source:
        say("The made-up creators will stand there beside whatever it holds already.")
    say()


def run_days(environment: Environment, days: Sequence[Day], stack: ExitStack) -> int:
    """Start everything, make the runs one after the other, and show what came out."""
    say("Starting the databases. The first start takes up to a minute.")
    stack.enter_context(airflow_services(environment))
    set_up_given_database(environment)
    say("Starting Airflow.")
    components = stack.enter_context(Components(environment.state, environment.variables))
    api = AirflowApi(environment.ui_port, components.check)
    api.wait_until_ready(environment.variables, HEALTHY_SECONDS)
    api.wait_for_dag(DAG_ID, DAG_SECONDS)
    run_ids: dict[int, str] = {}
    earlier_call = last_call(environment)
    with unpaused(api):
        for step in plan_steps(days):
            say()
            say(step.heading)
            if step.day is None:
                continue
            run_id, state, tasks = run_day(environment, api, step.day, components)
            run_ids[step.day.number] = run_id
            if state != "success":
                report_failure(environment, run_id, tasks)
                return 1
    last_date = recorded_date_of(environment, run_ids[days[-1].number])
    show_result(environment, last_date, list(run_ids.values()), earlier_call)
    return 0


@contextmanager
def unpaused(api: AirflowApi) -> Iterator[None]:
    """Let the Dag's runs start, and leave it paused behind: a later `make up` must not start paid runs unasked."""
    api.set_paused(DAG_ID, False)
    try:
        yield
    finally:
        try:
            api.set_paused(DAG_ID, True)
        except (AirflowApiError, ComponentEndedError, OSError):
            say(f"The Dag {DAG_ID} could not be paused again.")


def run_day(
    environment: Environment, api: AirflowApi, day: Day, components: Components
) -> tuple[str, str, list[TaskState]]:
    """Make one day's run; return its id, its state and that of its tasks."""
    run_id = backfill_day(api, day) if day.is_missed else start_day(environment, api, day)
    state, tasks = follow_run(api, DAG_ID, run_id, components.check)
    return run_id, state, tasks


def start_day(environment: Environment, api: AirflowApi, day: Day) -> str:
    """Start a run that is on time: the sandbox's clock stands on that day, and stays there; return its id."""
    if environment.is_sandbox and day.logical_date:
        SandboxClient(sandbox_url(environment.sandbox_port)).set_clock(day.logical_date)
    return api.trigger(DAG_ID, day.logical_date)


def backfill_day(api: AirflowApi, day: Day) -> str:
    """Let Airflow fill a day; return the id of its run."""
    days = Days(day.date, day.date, package_settings().timezone)

    def can_start() -> bool:
        return api.active_backfill(DAG_ID) is None and bool(days.plan_backfill(api, MAKE_ANEW))

    if not can_start():
        say("  Something from an earlier demo is still open: Airflow notices the end of a backfill within 30 s.")
        api.wait_for(can_start, EARLIER_BACKFILL_SECONDS, "The earlier backfill did not end")
    planned = days.plan_backfill(api, MAKE_ANEW)
    days.create_backfill(api, MAKE_ANEW)
    return planned_runs(days.runs(api), planned)[0].run_id


def report_failure(environment: Environment, run_id: str, tasks: Sequence[TaskState]) -> None:
    """Show the logs of what went wrong."""
    folder = run_folder(environment.variables, DAG_ID, run_id)
    say()
    say("The run failed.")
    for task in [task for task in tasks if task.state == "failed"]:
        say(f"The end of the log of {task.task_id}{f' ({task.label})' if task.label else ''}:")
        for line in log_tail(folder, task):
            say(f"  {line}")
    say(f"Task logs: {folder}")
    say(f"Other logs: {environment.state.logs}")


def show_result(environment: Environment, last_date: date, run_ids: Sequence[str], earlier_call: int) -> None:
    """Print the leaderboard of the last day, the costs and what to do next."""
    say()
    if environment.is_sandbox:
        say(NOTICE)
    show_leaderboard(environment, last_date, LEADERBOARD_ROWS)
    calls, billed = count_calls(environment, run_ids, earlier_call)
    price = package_settings().budget.price_per_call_usd
    say()
    if not calls:
        say("Calls: none. These days had been asked before, and what was answered then is used again.")
    elif environment.is_sandbox:
        say(f"Calls: {calls}, {billed} of them billed. On the real TikHub they would cost {billed * price:.3f} USD.")
    else:
        say(f"Calls: {calls}, {billed} of them billed: {billed * price:.3f} USD.")
    say()
    say("What to do next:")
    if environment.is_sandbox:
        say("  make up                       serve these data with Airflow's UI and the Comets page")
        say("  TIKHUB_API_KEY=... make demo  the same for today with real data; the key may stand in .env")
    else:
        say("  make up                       serve Airflow's UI; unpause the Dag there for the daily run")
    say("  include/comets.yaml           change hashtags and criteria")
