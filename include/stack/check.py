"""`make check`: verify everything that a run needs, without starting, changing or paying for anything."""

import json
from collections.abc import Callable, Mapping

from airflow_client.client.exceptions import NotFoundException

from comets.settings import DAG_ID, POOL, SettingsError, settings
from include.stack.account import fetch_account
from include.stack.airflow_api import AirflowApi
from include.stack.database import connect, describe, ensure_current_schema
from include.stack.environment import NOTICES_CONNECTION, Environment, resolve_for_runs
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import running_url


class PoolError(StackError):
    """The pool does not exist in Airflow."""


class NotificationError(StackError):
    """The test message could not be sent."""


def run_check(*, sends_test: bool) -> int:
    """Print a line per check; return 0 if all pass."""
    environment = resolve_for_runs()
    checks: Mapping[str, Callable[[], str]] = {
        "settings": check_settings,
        "TikHub": lambda: check_tikhub(environment),
        "database": lambda: check_database(environment),
        "Airflow": lambda: check_airflow(environment),
        "notifications": lambda: check_notifications(environment, sends_test=sends_test),
    }
    failed_count = 0
    for name, check in checks.items():
        try:
            say(f"ok      {name}: {check()}")
        except (StackError, SettingsError) as error:
            failed_count += 1
            say(f"failed  {name}: {error}")
    return 1 if failed_count else 0


def check_settings() -> str:
    """Summarise include/comets.yaml."""
    found = settings()
    return (
        f"{len(found.hashtags)} hashtags, up to {found.budget.max_api_calls:,} calls per run, "
        f"{found.slots} at a time, daily at 02:00 {found.timezone}"
    )


def check_tikhub(environment: Environment) -> str:
    """Check the key and the balance."""
    if environment.is_sandbox:
        return "sandbox with made-up creators; set TIKHUB_API_KEY for real data"
    account = fetch_account(environment)
    if account is None:
        return f"{environment.tikhub_host}, not checked: the connection is a URI, which only Airflow can read"
    return f"{environment.tikhub_host}, key from {environment.tikhub_source}, balance {account.balance:.2f} USD"


def check_database(environment: Environment) -> str:
    """Check the tables and the privileges of the login."""
    if environment.database_source is None and not EmbeddedPostgres(environment.state.postgres).is_running():
        return "embedded PostgreSQL, starts with the stack"
    with connect(environment) as connection:
        ensure_current_schema(connection, environment)
    return f"{describe(environment)}, tables and privileges complete"


def check_airflow(environment: Environment) -> str:
    """Check the running stack's pool and Dag.

    :raises PoolError: the pool is missing, without which tasks stay queued.
    """
    url = running_url(environment.state)
    if url is None:
        return "not running (start with: make up)"
    api = AirflowApi(url)
    api.log_in(environment.variables)
    try:
        slots = api.pools.get_pool(POOL).slots
    except NotFoundException:
        raise PoolError(f'pool {POOL} is missing. Run: make airflow ARGS="pools set {POOL} 1 TikHub"') from None
    dag = api.dags.get_dag(DAG_ID)
    schedule = "paused, no daily runs" if dag.is_paused else f"next run at {dag.next_dagrun_run_after}"
    return f"{url}, pool {POOL} with {slots} slots, Dag {DAG_ID} ({dag.timetable_summary}): {schedule}"


def check_notifications(environment: Environment, *, sends_test: bool) -> str:
    """Check the notification connection, and send a test message if requested.

    :raises NotificationError: no service is configured, or none accepts the message.
    """
    value = environment.variables.get(NOTICES_CONNECTION)
    if not value:
        if sends_test:
            raise NotificationError("not configured; set COMETS_NOTICES_URL")
        return "not configured; set COMETS_NOTICES_URL to receive them"
    if not sends_test:
        return "configured; make check NOTICE=1 sends a test message"
    from apprise import Apprise

    services = Apprise()
    try:
        for entry in json.loads(value)["extra"]["config"]:
            services.add(entry["path"])
    except (ValueError, KeyError, TypeError):
        raise NotificationError(f"{NOTICES_CONNECTION} is not JSON with extra.config") from None
    if not services.notify(title="Comets", body="Test message of `make check`: notifications arrive here."):
        raise NotificationError("no service accepted the test message")
    return "test message sent"
