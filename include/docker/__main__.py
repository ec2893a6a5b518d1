"""Run a command in the resolved environment of a container: `python -m include.docker COMMAND [ARGUMENT...]`.

The image's `airflow` (bin/airflow) calls this, so that services, health checks and `docker compose exec` share one
environment. An entrypoint would apply to services only.

Secrets are files, because `docker inspect` shows environments: a file has the name of its variable, or ends in ".env"
and has several.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from dotenv.main import DotEnv

from include.stack.connections import database_connection, sandbox_connection
from include.stack.environment import (
    BASE_URL_VARIABLE,
    COMETS_DATABASE,
    CONNECTION_VARIABLE,
    DATABASE_PART_VARIABLES,
    DATABASE_URL_VARIABLES,
    EXECUTION_API_VARIABLE,
    LOGIN_SETTINGS,
    METADATA_VARIABLE,
    NOTICES_CONNECTION,
    NOTICES_URL_VARIABLE,
    PACE_VARIABLE,
    SANDBOX_DATABASE,
    SANDBOX_KEY,
    SANDBOX_PACE,
    SettingError,
    base_path,
    find_database,
    find_tikhub,
    find_users,
    notification_connection,
    read_setting,
)
from include.stack.logins import (
    AIRFLOW_USERS_VARIABLE,
    PASSWORDS_FILE_VARIABLE,
    USERS_VARIABLE,
    first_admin,
    format_users,
    write_passwords,
)
from include.stack.processes import airflow_command
from include.stack.project import PROJECT, State

SANDBOX_PROFILE = "sandbox"
SECRETS_FOLDER = "COMETS_SECRETS_FOLDER"
DEFAULT_SECRETS_FOLDER = "/run/secrets"
SERVER_VARIABLE = "COMETS_BUNDLED_SERVER"
CONFIGURED_VARIABLE = "COMETS_CONFIGURED"
BROKER_VARIABLES = ("AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND")
REDIS_PASSWORD = "REDIS_PASSWORD"  # noqa: S105
ROLE_PASSWORDS = (
    "POSTGRES_PASSWORD",
    "AIRFLOW_METADATA_PASSWORD",
    "COMETS_OWNER_PASSWORD",
    "COMETS_APP_PASSWORD",
    "COMETS_PAGE_PASSWORD",
)
UI_PASSWORD = "COMETS_UI_PASSWORD"  # noqa: S105
SECRET_KEY = "AIRFLOW__API__SECRET_KEY"  # noqa: S105
PASSWORD_CHARS = 16
SETTINGS = frozenset(
    {*DATABASE_URL_VARIABLES, *DATABASE_PART_VARIABLES, "TIKHUB_API_KEY", "TIKHUB_BASE_URL", NOTICES_URL_VARIABLE}
    | {CONNECTION_VARIABLE, NOTICES_CONNECTION, "AIRFLOW_CONN_TIKHUB"}
)
# Resolved inputs, removed to limit which processes know passwords. The base image gives DB_HOST another meaning.
CONSUMED = frozenset(
    {name for name in SETTINGS if not name.startswith("AIRFLOW_CONN_")}
    | {*ROLE_PASSWORDS, REDIS_PASSWORD, UI_PASSWORD, USERS_VARIABLE}
)


def main(command: list[str]) -> None:
    """Replace this process by the command; exit with a message if a setting is invalid."""
    if not command:
        sys.exit("usage: python -m include.docker COMMAND [ARGUMENT...]")
    try:
        inherited = with_secrets(os.environ)
        environment = container_environment(inherited)
        # Only the api-server has it; rewritten at every start so that a new password applies.
        if UI_PASSWORD in inherited:
            write_passwords(Path(environment[PASSWORDS_FILE_VARIABLE]), container_passwords(inherited))
    except SettingError as error:
        sys.exit(f"Invalid setting in .env or in the shell: {error}")
    # By path: the name `airflow` would resolve to bin/airflow again.
    program, *arguments = airflow_command(*command[1:]) if command[0] == "airflow" else command
    os.execvpe(program, [program, *arguments], environment)  # noqa: S606


def with_secrets(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return an environment and the secrets of this container; variables that are set win.

    :raises SettingError: a file can't be read.
    """
    folder = Path(inherited.get(SECRETS_FOLDER) or DEFAULT_SECRETS_FOLDER)
    found: dict[str, str] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not file.is_file():
            continue
        try:
            if file.suffix == ".env":
                values = DotEnv(file, encoding="utf-8", interpolate=True, override=False).dict()
                # Others are what the settings refer to.
                found |= {name: value for name, value in values.items() if value and name in SETTINGS}
            else:
                found[file.name] = file.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingError(f"{file} can't be read: {reason}. Run: sh include/docker/secrets.sh") from None
    return {**found, **{name: value for name, value in inherited.items() if value}}


def container_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the command's environment, with Airflow's connections and the passwords in URLs.

    The default is the bundled database, and the sandbox if its profile is active. A service without a role in either
    has no connection to it.

    :raises SettingError: a setting is invalid.
    """
    given = {name: value for name, value in inherited.items() if value}
    tikhub, tikhub_source = find_tikhub(given, 0)
    # The page has no key, and must know that there is one.
    is_live = tikhub_source or {"TIKHUB_API_KEY", "AIRFLOW_CONN_TIKHUB"} & set(
        given.get(CONFIGURED_VARIABLE, "").split()
    )
    is_sandbox = not is_live and SANDBOX_PROFILE in given.get("COMPOSE_PROFILES", "").split(",")
    found = {"AIRFLOW_CONN_TIKHUB": tikhub} if tikhub_source else {}
    if is_sandbox and "COMETS_SANDBOX_URL" in given:
        found["AIRFLOW_CONN_TIKHUB"] = sandbox_connection(given["COMETS_SANDBOX_URL"], SANDBOX_KEY)
        found[PACE_VARIABLE] = given.get(PACE_VARIABLE, SANDBOX_PACE)
    database, database_source = find_database(given, State(PROJECT))
    if database_source == CONNECTION_VARIABLE or (database_source and not is_sandbox):
        found[CONNECTION_VARIABLE] = database
    elif SERVER_VARIABLE in given:
        server = with_password(given[SERVER_VARIABLE], given)
        found[CONNECTION_VARIABLE] = database_connection(
            f"{server}/{SANDBOX_DATABASE if is_sandbox else COMETS_DATABASE}"
        )
    for name in (METADATA_VARIABLE, *BROKER_VARIABLES):
        if name in given:
            found[name] = with_password(given[name], given)
    kept = {name: value for name, value in given.items() if name not in CONSUMED}
    path = base_path(given)
    if EXECUTION_API_VARIABLE in given and f"{path}/execution/" not in given[EXECUTION_API_VARIABLE]:
        found[EXECUTION_API_VARIABLE] = given[EXECUTION_API_VARIABLE].replace("/execution/", f"{path}/execution/")
    if BASE_URL_VARIABLE in given:
        # The proxy is another container or host, with an address of its own.
        found["FORWARDED_ALLOW_IPS"] = given.get("FORWARDED_ALLOW_IPS", "*")
    return {
        **LOGIN_SETTINGS,
        **kept,
        **found,
        AIRFLOW_USERS_VARIABLE: format_users(find_users(given)),
        **notification_connection(given),
    }


def with_password(url: str, given: Mapping[str, str]) -> str:
    """Return the URL of a bundled server with the password of its role; any other URL unchanged.

    The password of the role `comets_app` is COMETS_APP_PASSWORD. Redis has no roles.
    """
    parts = urlsplit(url)
    name = REDIS_PASSWORD if parts.scheme == "redis" else f"{(parts.username or '').upper()}_PASSWORD"
    if parts.password is not None or name not in given:
        return url
    return url.replace(
        parts.netloc, f"{parts.username or ''}:{quote(given[name], safe='')}@{parts.netloc.rpartition('@')[2]}", 1
    )


def container_passwords(given: Mapping[str, str]) -> dict[str, str]:
    """Return the password of each user of the UI.

    COMETS_UI_PASSWORD is that of the first admin, or JSON with passwords of several users. All others are derived
    from Airflow's secret key: containers keep no files, and several api-servers need the same passwords.

    :raises SettingError: COMETS_UI_PASSWORD is JSON that names no passwords.
    """
    users = find_users(given)
    chosen = {first_admin(users): given[UI_PASSWORD]}
    if given[UI_PASSWORD].startswith("{"):
        chosen = read_setting(UI_PASSWORD, lambda: dict(json.loads(given[UI_PASSWORD])))
    if not all(isinstance(password, str) and password for password in chosen.values()):
        raise SettingError(f"{UI_PASSWORD} must be a password, or JSON with a text for each user")
    return {name: chosen.get(name) or derived_password(given[SECRET_KEY], name) for name in users}


def derived_password(key: str, user: str) -> str:
    """Return a user's password, from which neither the key nor another password can be computed."""
    digest = hmac.new(key.encode(), f"password of {user}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:PASSWORD_CHARS]


if __name__ == "__main__":
    main(sys.argv[1:])
