"""Resolve the project's environment from exported variables, `.env` and the defaults of the local stack.

Exported variables win over `.env`; empty values count as not set. Variables of `.env.example` are read only here.
"""

import hashlib
import json
import os
import re
import shlex
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dotenv.main import DotEnv

from include.stack.connections import (
    ConnectionFormatError,
    apprise_connection,
    database_connection,
    database_connection_of_parts,
    http_connection,
)
from include.stack.errors import StackError
from include.stack.keys import load_keys, passwords_file
from include.stack.logins import (
    AIRFLOW_USERS_VARIABLE,
    DEFAULT_USERS,
    PASSWORDS_FILE_VARIABLE,
    USERS_VARIABLE,
    UserListError,
    format_users,
    parse_users,
)
from include.stack.output import warn
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT, State
from include.stack.sandbox import sandbox_url

CONNECTION_VARIABLE = "AIRFLOW_CONN_COMETS_DB"
DATABASE_URL_VARIABLES = ("SUPABASE_DB_URL", "POSTGRES_URL_NON_POOLING", "POSTGRES_URL", "DATABASE_URL")
DATABASE_PART_VARIABLES = ("DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_PORT")
NOTICES_URL_VARIABLE = "COMETS_NOTICES_URL"
NOTICES_CONNECTION = "AIRFLOW_CONN_COMETS_NOTICES"
METADATA_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
BASE_URL_VARIABLE = "AIRFLOW__API__BASE_URL"
EXECUTION_API_VARIABLE = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"
METADATA_VARIABLES = (METADATA_VARIABLE, f"{METADATA_VARIABLE}_CMD", f"{METADATA_VARIABLE}_SECRET")
# Names and digests of the values that `make env` exported; unchanged values are not the caller's own.
EXPORTED_VARIABLE = "COMETS_EXPORTED"

PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

LIST_VARIABLES = frozenset({"PYTHONPATH", "NO_PROXY", "no_proxy"})

COMETS_DATABASE = "comets"
SANDBOX_DATABASE = "comets_sandbox"
METADATA_DATABASE = "airflow"
TIKHUB_URL = "https://api.tikhub.io"
SANDBOX_KEY = "sandbox-key-without-any-value"
# The same as in comets.settings, which `include.docker` cannot import.
PACE_VARIABLE = "COMETS_REQUESTS_PER_SECOND"
SANDBOX_PACE = "1000"
DEFAULT_UI_PORT = 8080
PRELOAD = PROJECT / "include" / "stack" / "preload"
# Settings of Airflow's logins, in containers too. A login lasts 8 hours instead of a day.
LOGIN_SETTINGS = {
    "AIRFLOW__CORE__AUTH_MANAGER": "include.stack.auth_manager.ListedUsersAuthManager",
    "AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME": "28800",
    # The audit log, which every user reads, masks the params of forget_creator.
    "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES": "creator,confirm_uid",
}
DEFAULT_SANDBOX_PORT = 8099


Value = TypeVar("Value")


class SettingError(StackError):
    """A setting is invalid; the text names the variable, never its value if that may hold a password."""


@dataclass(frozen=True)
class Environment:
    """The resolved environment.

    :param variables: the whole environment for processes of the project.
    :param own: the part that the caller has not set.
    :param database_source: variable that sets the creators' database; None: embedded.
    :param tikhub_source: variable that sets TikHub; None: sandbox.
    :param metadata_source: variable that sets Airflow's own database; None: embedded.
    :param configured_ports: the ports ("ui", "sandbox") that the caller has set.
    """

    state: State
    variables: Mapping[str, str]
    own: Mapping[str, str]
    database_source: str | None
    tikhub_source: str | None
    metadata_source: str | None
    ui_port: int
    sandbox_port: int
    configured_ports: frozenset[str]

    @property
    def needs_embedded_postgres(self) -> bool:
        """Whether at least one of the two databases is embedded."""
        return self.database_source is None or self.metadata_source is None

    @property
    def ui_url(self) -> str:
        """Airflow's address on this machine, with the path of the base URL if it has one."""
        return f"http://127.0.0.1:{self.ui_port}{base_path(self.variables)}"

    @property
    def is_sandbox(self) -> bool:
        """Whether the data are made up."""
        return self.tikhub_source is None

    @property
    def embedded_database(self) -> str:
        """The name of the embedded creators' database."""
        return SANDBOX_DATABASE if self.is_sandbox else COMETS_DATABASE

    @property
    def task_logs(self) -> Path:
        """The folder of all task logs."""
        configured = self.variables.get("AIRFLOW__LOGGING__BASE_LOG_FOLDER")
        return Path(configured or Path(self.variables["AIRFLOW_HOME"]) / "logs")

    @property
    def tikhub_host(self) -> str:
        """TikHub's host or base URL, without the key."""
        value = self.variables["AIRFLOW_CONN_TIKHUB"]
        if not value.lstrip().startswith("{"):
            return urlsplit(value).hostname or "TikHub"
        return str(read_setting("AIRFLOW_CONN_TIKHUB", lambda: json.loads(value)).get("host") or TIKHUB_URL)

    @property
    def database(self) -> dict[str, Any]:
        """The creators' database as a connection: host, port, schema, login, password, extra."""
        value = self.variables["AIRFLOW_CONN_COMETS_DB"]
        if value.lstrip().startswith("{"):
            return read_setting("AIRFLOW_CONN_COMETS_DB", lambda: dict(json.loads(value)))
        return dict(json.loads(read_setting("AIRFLOW_CONN_COMETS_DB", lambda: database_connection(value))))


def resolve(caller: Mapping[str, str] | None = None, project: Path = PROJECT) -> Environment:
    """Resolve the environment; the first call also generates this installation's keys.

    :param caller: the exported variables; by default those of this process.
    :param project: folder with `.env`.
    :raises SettingError: a setting is invalid.
    """
    inherited = drop_exported(os.environ if caller is None else caller)
    given = {**read_env_file(project / ".env", inherited), **inherited}
    state = State((project / (given.get("COMETS_STATE_DIR") or ".state")).resolve())
    ui_port, ui_is_configured = first_port(given, "AIRFLOW__API__PORT", "COMETS_UI_PORT", default=DEFAULT_UI_PORT)
    sandbox_port, sandbox_is_configured = first_port(given, "COMETS_SANDBOX_PORT", default=DEFAULT_SANDBOX_PORT)
    database, database_source = find_database(given, state)
    tikhub, tikhub_source = find_tikhub(given, sandbox_port)
    metadata_source = next((name for name in METADATA_VARIABLES if given.get(name)), None)
    defaults = {
        **airflow_defaults(state, ui_port, project),
        EXECUTION_API_VARIABLE: f"http://127.0.0.1:{ui_port}{base_path(given)}/execution/",
        AIRFLOW_USERS_VARIABLE: format_users(find_users(given)),
        "AIRFLOW_CONN_COMETS_DB": database,
        "AIRFLOW_CONN_TIKHUB": tikhub,
        **notification_connection(given),
    }
    if points_to(tikhub, sandbox_port):
        defaults[PACE_VARIABLE] = SANDBOX_PACE
    if metadata_source:
        del defaults[METADATA_VARIABLE]
    ours = {name: value for name, value in defaults.items() if not given.get(name)}
    path = python_path(given.get("PYTHONPATH", ""))
    variables = {**given, **ours, **without_proxy(given), "PYTHONPATH": path}
    own = {name: value for name, value in variables.items() if inherited.get(name) != value}
    configured = {name for name, known in (("ui", ui_is_configured), ("sandbox", sandbox_is_configured)) if known}
    return Environment(
        state=state,
        variables=variables,
        own=own,
        database_source=database_source,
        tikhub_source=None if points_to(tikhub, sandbox_port) else tikhub_source,
        metadata_source=metadata_source,
        ui_port=ui_port,
        sandbox_port=sandbox_port,
        configured_ports=frozenset(configured),
    )


def resolve_for_runs(caller: Mapping[str, str] | None = None) -> Environment:
    """Resolve the environment of Dag runs, in which made-up creators have their own embedded database.

    Only AIRFLOW_CONN_COMETS_DB can set another one for them.
    """
    environment = resolve(caller)
    if not environment.is_sandbox or environment.database_source == CONNECTION_VARIABLE:
        return environment
    own = {CONNECTION_VARIABLE: database_connection(EmbeddedPostgres(environment.state.postgres).url(SANDBOX_DATABASE))}
    return replace(
        environment,
        variables={**environment.variables, **own},
        own={**environment.own, **own},
        database_source=None,
    )


def read_env_file(path: Path, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the values of `.env` that are not exported; `${NAME}` prefers exported values."""
    if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        warn(f"other users of this machine can read the keys in {path}. Run: chmod 600 {shlex.quote(str(path))}")
    values = DotEnv(path, encoding="utf-8", interpolate=True, override=False).dict()
    return {name: value for name, value in values.items() if value is not None and name not in caller}


def find_database(given: Mapping[str, str], state: State) -> tuple[str, str | None]:
    """Return the creators' database as a JSON connection, and the variable that sets it (None: embedded)."""
    if given.get(CONNECTION_VARIABLE):
        return given[CONNECTION_VARIABLE], CONNECTION_VARIABLE
    for name in DATABASE_URL_VARIABLES:
        if given.get(name):
            return read_setting(name, partial(database_connection, given[name])), name
    for name in DATABASE_PART_VARIABLES:
        if given.get(name):
            return read_setting("DB_PORT", partial(database_connection_of_parts, given)), name
    return database_connection(EmbeddedPostgres(state.postgres).url(COMETS_DATABASE)), None


def find_tikhub(given: Mapping[str, str], sandbox_port: int) -> tuple[str, str | None]:
    """Return TikHub as a JSON connection, and the variable that sets it (None: sandbox)."""
    if given.get("AIRFLOW_CONN_TIKHUB"):
        return given["AIRFLOW_CONN_TIKHUB"], "AIRFLOW_CONN_TIKHUB"
    if given.get("TIKHUB_API_KEY"):
        url = given.get("TIKHUB_BASE_URL") or TIKHUB_URL
        return read_setting("TIKHUB_BASE_URL", lambda: http_connection(url, given["TIKHUB_API_KEY"])), "TIKHUB_API_KEY"
    return http_connection(sandbox_url(sandbox_port), SANDBOX_KEY), None


def find_users(given: Mapping[str, str]) -> dict[str, str]:
    """Return the users of Airflow's UI with their roles; Airflow's own variable wins.

    :raises SettingError: the list is invalid.
    """
    name = AIRFLOW_USERS_VARIABLE if given.get(AIRFLOW_USERS_VARIABLE) else USERS_VARIABLE
    return read_setting(name, lambda: parse_users(given.get(name) or DEFAULT_USERS))


def base_path(given: Mapping[str, str]) -> str:
    """Return the path of the UI's base URL, without a trailing slash: logins, pages and tasks need it.

    :raises SettingError: the base URL is not a web address.
    """
    value = given.get(BASE_URL_VARIABLE)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingError(f"{BASE_URL_VARIABLE} must be an address like https://comets.example.com, not {value!r}")
    return parts.path.rstrip("/")


def notification_connection(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with the notification connection; empty if none is configured."""
    if given.get(NOTICES_CONNECTION):
        return {NOTICES_CONNECTION: given[NOTICES_CONNECTION]}
    urls = given.get(NOTICES_URL_VARIABLE, "").strip()
    return {NOTICES_CONNECTION: apprise_connection(urls)} if urls else {}


def points_to(connection: str, sandbox_port: int) -> bool:
    """Return whether a TikHub connection, in JSON or URI form, leads to the sandbox's port on this machine."""
    return re.search(rf"(?:127\.0\.0\.1|localhost)(?::|%3A){sandbox_port}\b", connection) is not None


def without_proxy(given: Mapping[str, str]) -> dict[str, str]:
    """Return variables that exclude this machine from the caller's proxy."""
    if not any(given.get(name) for name in PROXY_VARIABLES):
        return {}
    known = given.get("no_proxy") or given.get("NO_PROXY") or ""
    hosts = ",".join(dict.fromkeys([*filter(None, known.split(",")), "127.0.0.1", "localhost"]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def airflow_defaults(state: State, ui_port: int, project: Path) -> dict[str, str]:
    """Return Airflow's settings for a small installation on one machine."""
    keys = load_keys(state.keys)
    return {
        "AIRFLOW_HOME": str(state.airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # Empty: task logs are on this disk, and no log server listens under a host name (`--skip-serve-logs`).
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "builtins.str",
        # Tasks mostly wait for TikHub; the pool takes up to 16 by default.
        "AIRFLOW__CORE__PARALLELISM": "18",
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet_key,
        **LOGIN_SETTINGS,
        PASSWORDS_FILE_VARIABLE: str(passwords_file(state.keys)),
        METADATA_VARIABLE: EmbeddedPostgres(state.postgres).sqlalchemy_url(METADATA_DATABASE),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ui_port),
        "AIRFLOW__API__SECRET_KEY": keys.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
        # Instead of 1 s between steps: a run takes 9 s instead of 14 s.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    }


def first_port(given: Mapping[str, str], *names: str, default: int) -> tuple[int, bool]:
    """Return the port of the first variable that is set, or else the default, and whether one is set."""
    for name in names:
        if given.get(name):
            if not given[name].isascii() or not given[name].isdigit() or not 0 < int(given[name]) < 65536:
                raise SettingError(f"{name} must be a port from 1 to 65535, not {given[name]!r}")
            return int(given[name]), True
    return default, False


def python_path(inherited: str) -> str:
    """Return the PYTHONPATH: the project and plugins, the caller's entries, then the preload folder."""
    ours = [str(PROJECT), str(PROJECT / "plugins")]
    theirs = [part for part in inherited.split(os.pathsep) if part and part not in (*ours, str(PRELOAD))]
    return os.pathsep.join([*ours, *theirs, str(PRELOAD)])


def read_setting(name: str, read: Callable[[], Value]) -> Value:
    """Return the value that `read` parses.

    :raises SettingError: it is invalid; the text names the variable, never its value.
    """
    try:
        return read()
    except json.JSONDecodeError:
        raise SettingError(f"{name} is not valid JSON") from None
    except (ConnectionFormatError, UserListError) as error:
        raise SettingError(f"{name} is invalid: {error}") from None


def exported_record(own: Mapping[str, str]) -> str:
    """Return the names and digests of exported values, by which a later call recognises them.

    Lists are left out: they contain the caller's entries, and adding ours twice changes nothing.
    """
    return ",".join(f"{name}={digest(value)}" for name, value in own.items() if name not in LIST_VARIABLES)


def drop_exported(caller: Mapping[str, str]) -> dict[str, str]:
    """Drop values that `make env` exported and the caller has not changed since."""
    record = dict(item.split("=", 1) for item in caller.get(EXPORTED_VARIABLE, "").split(",") if "=" in item)
    return {
        name: value for name, value in caller.items() if name != EXPORTED_VARIABLE and record.get(name) != digest(value)
    }


def digest(value: str) -> str:
    """Return a short hash of a value."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]
