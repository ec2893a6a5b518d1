"""`make check`: is everything there that a run needs? Nothing is started, changed or paid for."""

import json
from collections.abc import Callable, Mapping

from airflow_client.client.exceptions import NotFoundException

from comets.settings import DAG_ID, POOL, SettingsError, settings
from include.stack.account import ask_account
from include.stack.airflow_api import AirflowApi
from include.stack.database import connect, describe, require_current
from include.stack.environment import NOTICES_CONNECTION, Environment, resolve_for_runs
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import running_url


class PoolError(StackError):
    """Airflow lacks the pool."""


class NotificationError(StackError):
    """A message could not be sent."""


def run_check(*, sends_notice: bool) -> int:
    """Print a line per check; return 0 when all of them pass."""
    environment = resolve_for_runs()
    checks: Mapping[str, Callable[[], str]] = {
        "settings": check_settings,
        "TikHub": lambda: check_tikhub(environment),
        "database": lambda: check_database(environment),
        "Airflow": lambda: check_airflow(environment),
        "notices": lambda: check_notices(environment, sends_one=sends_notice),
    }
    failed_count = 0
    for name, check in checks.items():
        try:
            say(f"ok     {name}: {check()}")
        except (StackError, SettingsError) as error:
            failed_count += 1
            say(f"wrong  {name}: {error}")
    return 1 if failed_count else 0


def check_settings() -> str:
    """Read include/comets.yaml."""
    found = settings()
    return (
        f"{len(found.hashtags)} hashtags, at most {found.budget.max_api_calls:,} calls a run, "
        f"{found.slots} of them at a time, every day at 02:00 {found.timezone}"
    )


def check_tikhub(environment: Environment) -> str:
    """Ask TikHub for the account."""
    if environment.is_sandbox:
        return "the sandbox, whose creators are made up; set TIKHUB_API_KEY for real ones"
    account = ask_account(environment)
    if account is None:
        return f"{environment.tikhub_host}, not asked: the connection is a URI, which only Airflow reads"
    return f"{environment.tikhub_host} takes the key of {environment.tikhub_source}; balance {account.balance:.2f} USD"


def check_database(environment: Environment) -> str:
    """Look at the tables and at the rights of the login."""
    if environment.database_source is None and not EmbeddedPostgres(environment.state.postgres).is_running():
        return "the embedded PostgreSQL, which starts with the stack"
    with connect(environment) as connection:
        require_current(connection, environment)
    return f"{describe(environment)}, with the tables and rights that a run needs"


def check_airflow(environment: Environment) -> str:
    """Look whether the stack runs, has the pool that brakes the calls, and runs its Dag daily.

    :raises PoolError: the pool is missing, without which tasks would wait for ever.
    """
    url = running_url(environment.state)
    if url is None:
        return "not running; make up starts it, and makes its pool"
    api = AirflowApi(url)
    api.log_in(environment.variables)
    try:
        slots = api.pools.get_pool(POOL).slots
    except NotFoundException:
        raise PoolError(f'no pool {POOL}: make airflow ARGS="pools set {POOL} 1 TikHub"') from None
    dag = api.dags.get_dag(DAG_ID)
    schedule = "is paused: no daily run" if dag.is_paused else f"runs next at {dag.next_dagrun_run_after}"
    return f"running at {url}; {slots} slots in the pool {POOL}; the Dag {DAG_ID} ({dag.timetable_summary}) {schedule}"


def check_notices(environment: Environment, *, sends_one: bool) -> str:
    """Look whether notices are wanted, and send a test message if asked to.

    :raises NotificationError: no service took it, or there is none.
    """
    value = environment.variables.get(NOTICES_CONNECTION)
    if not value:
        if sends_one:
            raise NotificationError("there is no service to send to: set COMETS_NOTICES_URL")
        return "none; set COMETS_NOTICES_URL to get them"
    if not sends_one:
        return "configured; make check NOTICE=1 sends a test message"
    # Loading Apprise takes long.
    from apprise import Apprise

    services = Apprise()
    try:
        for entry in json.loads(value)["extra"]["config"]:
            services.add(entry["path"])
    except (ValueError, KeyError, TypeError):
        raise NotificationError(f"{NOTICES_CONNECTION} is not JSON with extra.config") from None
    if not services.notify(title="Comets", body="A test message of make check: notices arrive here."):
        raise NotificationError("no service took the test message")
    return "sent a test message"
