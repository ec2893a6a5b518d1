"""`make doctor`: verify everything that the daily runs need, without starting, changing or paying for anything.

In the image the command is `comets-doctor`, see `include.docker.doctor`.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg

from comets.dates import today
from comets.deadline import TASK_TIMEOUT
from comets.settings import SettingsError, settings
from include.stack.account import fetch_account
from include.stack.clocks import Clock, compare_clock
from include.stack.database import connect, describe, ensure_current_schema
from include.stack.environment import NOTICES_CONNECTION, SANDBOX_KEY, Environment, resolve_for_runs
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import SQL_FOLDER

CONNECT_SECONDS = 4
MIN_BALANCE_DAYS = 7
# Airflow's components accept each other's tokens up to 10 s off. A minute around midnight decides about a run's date.
MAX_CLOCK_SECONDS = 2
FAILED_CLOCK_SECONDS = 60
# A task may give up slots that it woke too late for.
SLOTS_PER_TASK = 5
MAX_LISTED = 10
STUCK = "If it waits for another session, see docs/howto/runbook.md, End a stuck run"
TIMEOUTS = {"statement_timeout": "20000", "lock_timeout": "5000"}
IN_COMPOSE = "With Compose use: docker compose run --rm doctor"


class Level(StrEnum):
    """How a check ended; only `FAILED` makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAILED = "failed"


class Line(NamedTuple):
    """The result of a check; a text that is not OK says what to do."""

    level: Level
    name: str
    text: str


@dataclass(frozen=True)
class Commands:
    """What a person runs in this deployment.

    :param start: how Airflow is started.
    :param set_up: how the schema file is applied, a sentence.
    :param airflow: Airflow's CLI, with `{}` for its arguments.
    :param backfill: runs missed dates, with `{first}` and `{last}`.
    :param notice: sends a test message.
    """

    start: str
    set_up: str
    airflow: str
    backfill: str
    notice: str


LOCAL = Commands(
    start="make up",
    set_up="Run: make setup-database",
    airflow='make airflow ARGS="{}"',
    backfill="make backfill FROM={first} TO={last}",
    notice="make doctor NOTICE=1",
)
IMAGE = Commands(
    start="docker compose up --detach",
    set_up="Run the service airflow-init, on Kubernetes the migration job: it applies include/sql/setup_database.sql",
    airflow="airflow {}",
    backfill="airflow backfill create --dag-id comet_discovery --from-date {first} --to-date {last}T23:59:59",
    notice="comets-doctor --notice",
)


@dataclass
class Case:
    """An installation, and what the checks have found out for those after them.

    :param commands: those of the deployment; `LOCAL` also says that this is the local stack.
    :param health: the row of `database/read_health.sql`; empty if it could not be read.
    :param sizes: databases with their sizes in bytes.
    """

    environment: Environment
    commands: Commands
    health: Mapping[str, Any] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether this is the local stack, with its state folder and embedded database."""
        return self.commands is LOCAL

    @property
    def is_made_up(self) -> bool:
        """Whether the data come from a sandbox."""
        if self.is_local or self.environment.tikhub_source is None:
            return self.is_local and self.environment.is_sandbox
        return SANDBOX_KEY in self.environment.variables["AIRFLOW_CONN_TIKHUB"]

    @property
    def uses_embedded_database(self) -> bool:
        """Whether the creators are in the embedded PostgreSQL."""
        return self.is_local and self.environment.database_source is None

    @property
    def sees_airflow(self) -> bool:
        """Whether Airflow's own database is configured; a container may have no access to it."""
        return self.is_local or self.environment.metadata_source is not None


def run_doctor(*, sends_test: bool) -> int:
    """Check the local stack; print a line per check, and return 1 if one has failed."""
    try:
        case = Case(resolve_for_runs(), LOCAL)
    except StackError as error:
        return report([Line(Level.FAILED, "settings", f"{error}. Correct it in .env or in the shell")])
    # The package reads its settings from this process's environment, which lacks the values of .env.
    os.environ.update(case.environment.own)
    return report(examine(case, sends_test=sends_test))


def report(lines: Iterable[Line]) -> int:
    """Print lines as they come; return 1 if one has failed."""
    code = 0
    for line in lines:
        say(f"{line.level:<7} {line.name}: {' '.join(line.text.split())}")
        code |= line.level is Level.FAILED
    return code


def examine(case: Case, *, sends_test: bool) -> Iterator[Line]:
    """Yield the lines of all checks."""
    # Importing Airflow's client and psutil takes a moment; the first lines appear before it.
    from include.stack.doctor_airflow import check_airflow
    from include.stack.doctor_machine import check_backup, check_disk

    checks: Mapping[str, Callable[[Case], Iterator[Line]]] = {
        "settings": check_settings,
        "database": check_database,
        "dates": check_dates,
        "TikHub": check_tikhub,
        "clocks": check_clocks,
        "backup": check_backup,
        "Airflow": check_airflow,
        "disk": check_disk,
        "notifications": lambda case: check_notifications(case, sends_test=sends_test),
    }
    for name, check in checks.items():
        try:
            yield from check(case)
        except SettingsError as error:
            yield Line(
                Level.FAILED,
                name,
                f"{str(error).rstrip('.')}. Correct it; docs/reference/settings.md explains each value",
            )
        except (StackError, OSError) as error:
            yield Line(Level.FAILED, name, str(error))
        except psycopg.Error as error:
            yield Line(Level.FAILED, name, f"the database failed: {error}. {STUCK}")


def check_settings(_: Case) -> Iterator[Line]:
    """Summarise the settings file."""
    found = settings()
    yield Line(
        Level.OK,
        "settings",
        f"{len(found.hashtags)} hashtags, up to {found.budget.max_api_calls:,} calls per run, "
        f"{found.slots} at a time, daily at 02:00 {found.timezone}",
    )


def check_database(case: Case) -> Iterator[Line]:
    """Check connection, version, rights and role, and read what the later checks need.

    :raises DatabaseError: the database can't be used for a run.
    """
    environment = case.environment
    if case.uses_embedded_database and not EmbeddedPostgres(environment.state.postgres).is_running():
        yield Line(Level.OK, "database", "embedded PostgreSQL, starts with the stack")
        return
    if not case.is_local and environment.database_source is None:
        yield Line(Level.WARN, "database", f"not configured in this container. {IN_COMPOSE}")
        return
    with connect(environment, CONNECT_SECONDS) as connection:
        sent_at = datetime.now(UTC)
        server = read_row(connection, "database/read_server")
        case.clocks["the database server"] = compare_clock(server["server_time"], sent_at)
        case.sizes["creators' database"] = server["size_bytes"]
        ensure_current_schema(connection, environment, case.commands.set_up)
        if server["is_read_only"]:
            yield Line(
                Level.FAILED,
                "database",
                f"{describe(environment)} is read-only. A host does that when a disk or plan is full, or on a replica: "
                "free space, or use the primary",
            )
        else:
            size = server["size_bytes"] / 1e6
            text = f"{describe(environment)}, {size:,.0f} MB, tables and privileges complete"
            yield Line(Level.OK, "database", text)
        kind = "a superuser" if server["is_superuser"] else "the owner of the tables" if server["is_owner"] else ""
        if kind and not case.uses_embedded_database:
            yield Line(
                Level.WARN,
                "role",
                f"{server['role_name']} is {kind}, and can drop the tables. Let the Dags log in as a role that "
                "include/sql/grant_role.sql has granted its rights",
            )
        case.health = read_row(connection, "database/read_health", today=today(settings().timezone))


def read_row(connection: psycopg.Connection[dict[str, Any]], name: str, **parameters: Any) -> dict[str, Any]:
    """Return the row of a query in `include/sql`; both time limits end with its transaction."""
    with connection.transaction():
        connection.execute((SQL_FOLDER / "database" / "set_timeouts.sql").read_bytes(), TIMEOUTS)
        row = connection.execute((SQL_FOLDER / f"{name}.sql").read_bytes(), parameters or None).fetchone()
    return row or {}


def check_dates(case: Case) -> Iterator[Line]:
    """Check that each day was run, and that the last run has finished its work."""
    health = case.health
    if not health:
        return
    missed = health["missed_dates"] or []
    if missed:
        command = case.commands.backfill.format(first=missed[0], last=missed[-1])
        text = (
            f"newest {health['newest_date']}; not run: {shorten(map(str, missed))}. TikTok has no history: counts of "
            f"these days stay estimates. Run: {command}"
        )
        yield Line(Level.WARN, "dates", text)
    else:
        newest = f"newest {health['newest_date']}, none missed" if health["newest_date"] else "none run yet"
        yield Line(Level.OK, "dates", f"{newest}; {health['creator_count']:,} creators")
    if health["unfinished_hashtags"]:
        names = shorten(f"#{name}" for name in health["unfinished_hashtags"])
        text = (
            f"{health['run_id']} has not finished {names}. Its report says why; then clear the failed tasks of "
            "extract_videos, with Downstream"
        )
        yield Line(Level.WARN, "last run", text)
    if health["failed_checks"]:
        text = (
            f"{health['run_id']} failed {', '.join(health['failed_checks'])}, so its date is not published. "
            "See docs/howto/failures.md, When the data look wrong"
        )
        yield Line(Level.WARN, "last run", text)


def check_tikhub(case: Case) -> Iterator[Line]:
    """Check the key, the balance, and how long it lasts, by a free call.

    :raises AccountError: TikHub is unreachable or rejects the key, or the balance is empty.
    """
    environment = case.environment
    if case.is_made_up:
        yield Line(Level.OK, "TikHub", "sandbox with made-up creators; set TIKHUB_API_KEY for real data")
        return
    if environment.tikhub_source is None:
        yield Line(Level.WARN, "TikHub", f"no key in this container. {IN_COMPOSE}")
        return
    account = fetch_account(environment)
    if account is None:
        text = f"{environment.tikhub_host}, not checked: the connection is a URI, which only Airflow can read"
        yield Line(Level.OK, "TikHub", text)
        return
    if account.clock:
        case.clocks["TikHub"] = account.clock
    text = f"{environment.tikhub_host}, key from {environment.tikhub_source}, balance {account.credit:.2f} USD"
    daily_cost = float(case.health.get("daily_call_count") or 0) * settings().budget.price_per_call_usd
    if not daily_cost:
        yield Line(Level.OK, "TikHub", text)
        return
    days = int(account.credit / daily_cost)
    text += f", lasts {days:,} days at {case.health['daily_call_count']:,} calls a day"
    if days < MIN_BALANCE_DAYS:
        yield Line(Level.WARN, "TikHub", f"{text}. Top it up at TikHub: a run without balance loses its day")
    else:
        yield Line(Level.OK, "TikHub", text)


def check_clocks(case: Case) -> Iterator[Line]:
    """Check the clocks of the database server and TikHub against this machine's, and the slots that they have left."""
    for name, clock in case.clocks.items():
        way = "ahead of" if clock.offset > 0 else "behind"
        text = f"{name} is {timedelta(seconds=round(abs(clock.offset)))} {way} this machine"
        level = Level.FAILED if clock.surplus > FAILED_CLOCK_SECONDS else Level.WARN
        if clock.surplus > MAX_CLOCK_SECONDS:
            yield Line(level, "clocks", f"{text}. Find the wrong one with `timedatectl`, and switch on NTP there")
        else:
            yield Line(Level.OK, "clocks", f"{name} within {abs(clock.offset) + clock.error:.1f} s of this machine")
    wait = case.health.get("longest_wait")
    found = settings()
    queue = timedelta(seconds=SLOTS_PER_TASK * found.slots / found.pace.requests_per_second)
    if wait and wait > max(TASK_TIMEOUT, queue):
        ahead = timedelta(seconds=round(wait.total_seconds()))
        text = (
            f"the next slot for a call is in {ahead}, so the database server's clock was wrong once. Calls count it as "
            "now; check that clock"
        )
        yield Line(Level.WARN, "clocks", text)


def check_notifications(case: Case, *, sends_test: bool) -> Iterator[Line]:
    """Check the notification connection, and send a test message if requested."""
    value = case.environment.variables.get(NOTICES_CONNECTION)
    if not value:
        text = "not configured; set COMETS_NOTICES_URL"
        yield Line(Level.FAILED if sends_test else Level.OK, "notifications", f"{text} to receive them")
        return
    if not sends_test:
        yield Line(Level.OK, "notifications", f"configured; {case.commands.notice} sends a test message")
        return
    from apprise import Apprise

    services = Apprise()
    try:
        for entry in json.loads(value)["extra"]["config"]:
            services.add(entry["path"])
    except (ValueError, KeyError, TypeError):
        yield Line(Level.FAILED, "notifications", f"{NOTICES_CONNECTION} is not JSON with extra.config")
        return
    if services.notify(title="Comets", body="Test message of the Comets doctor: notifications arrive here."):
        yield Line(Level.OK, "notifications", "test message sent")
    else:
        text = "no service accepted the test message. Compare COMETS_NOTICES_URL with the service's page"
        yield Line(Level.FAILED, "notifications", text)


def shorten(names: Iterable[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    found = list(names)
    rest = f" and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
    return ", ".join(found[:MAX_LISTED]) + rest
