"""`make up` and `make distributed`: run the stack in the foreground, with Airflow's UI."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from include.stack.account import fetch_account
from include.stack.airflow_api import AirflowApi
from include.stack.celery_settings import celery_parts, celery_variables
from include.stack.database import connect, describe
from include.stack.environment import BASE_URL_VARIABLE, Environment, resolve_for_runs
from include.stack.interrupts import Stopped, stoppable
from include.stack.keys import load_redis_password
from include.stack.logins import update_passwords
from include.stack.output import say
from include.stack.ports import require_free
from include.stack.processes import CLEANER, COMPONENTS, Part, Processes, exclusive_stack
from include.stack.redis_server import RedisServer, find_redis
from include.stack.sandbox import is_sandbox_running
from include.stack.services import airflow_databases, sandbox_parts, set_up_configured_database

HEALTHY_SECONDS = 180
WATCH_SECONDS = 0.5
CONNECT_SECONDS = 4


def serve(command: str, *, is_distributed: bool = False) -> int:
    """Run the stack until Ctrl-C or SIGTERM; return the exit code.

    :param command: the user's command, shown to others.
    :param is_distributed: whether tasks run in Celery workers with Redis as their queue.
    """
    if is_distributed:
        find_redis()
    environment = resolve_for_runs()
    preflight(environment)
    with stoppable(), ExitStack() as stack:
        try:
            api = stack.enter_context(running_airflow(environment, command, is_distributed=is_distributed))
            introduce(environment, api)
            while True:
                api.check()
                time.sleep(WATCH_SECONDS)
        except Stopped:
            say("Stopping...")
            stack.close()
            say("Stopped. Data is kept.")
            return 0


@contextmanager
def running_airflow(environment: Environment, command: str, *, is_distributed: bool = False) -> Iterator[AirflowApi]:
    """Run the stack; yield the logged-in API of its Airflow.

    :raises StackError: another command runs the stack, a port is in use, or a component does not start.
    """
    url = environment.ui_url
    with exclusive_stack(environment.state, command, url):
        require_free(environment.ui_port, "Airflow's UI", "COMETS_UI_PORT")
        sandbox = sandbox_parts(environment)
        say("Starting databases (up to a minute the first time)...")
        with airflow_databases(environment):
            set_up_configured_database(environment)
            update_passwords(environment.variables)
            say("Starting Airflow...")
            variables, parts, is_ready = airflow_parts(environment, is_distributed=is_distributed)
            with Processes(environment.state, variables, [*sandbox, *parts, CLEANER]) as processes:
                api = AirflowApi(url, processes.check)
                api.wait_for(is_ready, HEALTHY_SECONDS, "The queue was not ready")
                api.wait_until_ready(environment.variables, HEALTHY_SECONDS)
                if environment.is_sandbox:
                    is_running = lambda: is_sandbox_running(environment.sandbox_port)  # noqa: E731
                    api.wait_for(is_running, HEALTHY_SECONDS, "The sandbox was not ready")
                yield api


def airflow_parts(
    environment: Environment, *, is_distributed: bool
) -> tuple[Mapping[str, str], Sequence[Part], Callable[[], bool]]:
    """Return the environment of Airflow's components, the components, and a check that their queue is ready."""
    if not is_distributed:
        return environment.variables, COMPONENTS, lambda: True
    queue = RedisServer(environment.state.redis, load_redis_password(environment.state.keys))
    return celery_variables(environment.variables, queue.url), [queue.part, *celery_parts()], queue.is_ready


def preflight(environment: Environment) -> None:
    """Check key, balance and a configured database before anything starts.

    :raises StackError: one of them cannot be used.
    """
    if not environment.is_sandbox:
        fetch_account(environment)
    if environment.database_source is not None:
        connect(environment, CONNECT_SECONDS).close()


def introduce(environment: Environment, api: AirflowApi) -> None:
    """Print the addresses, the login and the logs."""
    url = (environment.variables.get(BASE_URL_VARIABLE) or api.url).rstrip("/")
    say()
    say("Airflow is ready.")
    say(f"  UI          {url}  (passwords: make logins)")
    say(f"  Comets      {url}/comets/  (in the UI under Browse)")
    say(f"  Database    {describe(environment)}")
    say(f"  TikHub      {describe_tikhub(environment)}")
    say(f"  Task logs   {environment.task_logs}")
    say(f"  Other logs  {environment.state.logs}")
    say()
    say("A new comet_discovery is paused: unpause it in the UI for daily runs, or trigger it.")
    say("Press Ctrl-C to stop.")


def describe_tikhub(environment: Environment) -> str:
    """Return a description of the data source."""
    if environment.is_sandbox:
        return f"sandbox on port {environment.sandbox_port} (MADE-UP DATA; set TIKHUB_API_KEY for real data)"
    return f"{environment.tikhub_host} (key from {environment.tikhub_source}; successful calls are billed)"
