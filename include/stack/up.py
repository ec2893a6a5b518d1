"""`make up`: the whole stack in the foreground, with Airflow's UI."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from include.stack.airflow_api import AirflowApi, read_password
from include.stack.components import Components
from include.stack.database import describe
from include.stack.environment import Environment, resolve
from include.stack.interrupts import Stopped, stoppable
from include.stack.output import say
from include.stack.ports import require_free
from include.stack.services import airflow_services, set_up_given_database
from include.stack.stack_lock import exclusive_stack
from include.stack.task_logs import log_folder

HEALTHY_SECONDS = 180
WATCH_SECONDS = 0.5


def run_up(_arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    return serve("make up", lambda environment, _stack: Components(environment.state, environment.variables))


def serve(command: str, make_components: Callable[[Environment, ExitStack], Components]) -> int:
    """Serve a stack until Ctrl-C or SIGTERM; return the exit code.

    :param command: how the user calls it.
    :param make_components: makes Airflow's components, with what they need beside the databases in the given context.
    """
    environment = resolve()
    url = f"http://127.0.0.1:{environment.ui_port}"
    with stoppable(), ExitStack() as stack:
        try:
            stack.enter_context(exclusive_stack(environment.state.stack_lock, command, url))
            require_free(environment.ui_port, "Airflow's UI", "COMETS_UI_PORT")
            say("Starting the databases. The first start takes up to a minute.")
            stack.enter_context(airflow_services(environment))
            set_up_given_database(environment)
            say("Starting Airflow.")
            components = stack.enter_context(make_components(environment, stack))
            api = AirflowApi(environment.ui_port, components.check)
            api.wait_until_ready(environment.variables, HEALTHY_SECONDS)
            introduce(environment, api)
            while True:
                components.check()
                time.sleep(WATCH_SECONDS)
        except Stopped:
            say("Stopping.")
            stack.close()
            say("Stopped. The data are kept for the next start.")
            return 0


def introduce(environment: Environment, api: AirflowApi) -> None:
    """Tell where everything is."""
    user, password = read_password(environment.variables)
    say()
    say("Airflow is ready.")
    say(f"  UI         {api.url}   user {user}   password {password}")
    say(f"  Comets     {api.url}/comets/   in the UI under Browse")
    say(f"  Database   {describe(environment)}")
    say(f"  TikHub     {describe_tikhub(environment)}")
    say(f"  Task logs  {log_folder(environment.variables)}")
    say(f"  Other logs {environment.state.logs}")
    say()
    say("The Dag comet_discovery is paused at first: unpause it in the UI for the daily run, or trigger it there.")
    say("Ctrl-C stops everything.")


def describe_tikhub(environment: Environment) -> str:
    """Say where the data come from."""
    if environment.is_sandbox:
        return (
            f"the sandbox at port {environment.sandbox_port}: THE DATA ARE MADE UP. Set TIKHUB_API_KEY for real ones."
        )
    return f"{environment.tikhub_host} (from {environment.tikhub_source}): every successful call costs money"
