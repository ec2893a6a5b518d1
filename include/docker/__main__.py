"""Run a command in the resolved environment of a container: `python -m include.docker COMMAND [ARGUMENT...]`.

The image's `airflow` (bin/airflow) calls this, so that services, health checks and `docker compose exec` share one
environment. An entrypoint would apply to services only.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from include.stack.connections import database_connection, sandbox_connection
from include.stack.environment import (
    COMETS_DATABASE,
    CONNECTION_VARIABLE,
    DATABASE_PART_VARIABLES,
    DATABASE_URL_VARIABLES,
    METADATA_VARIABLE,
    NOTICES_URL_VARIABLE,
    PACE_VARIABLE,
    SANDBOX_DATABASE,
    SANDBOX_KEY,
    SANDBOX_PACE,
    SettingError,
    find_database,
    find_tikhub,
    notification_connection,
)
from include.stack.keys import UI_USER
from include.stack.processes import airflow_command
from include.stack.project import PROJECT, State

SANDBOX_PROFILE = "sandbox"
URL_PASSWORDS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD")
UI_PASSWORD = "COMETS_UI_PASSWORD"  # noqa: S105
PASSWORDS_FILE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
# Resolved inputs, removed to limit which processes know passwords. The base image gives DB_HOST another meaning.
CONSUMED = frozenset(
    {*DATABASE_URL_VARIABLES, *DATABASE_PART_VARIABLES, "TIKHUB_API_KEY", "TIKHUB_BASE_URL", NOTICES_URL_VARIABLE}
    | {*URL_PASSWORDS, UI_PASSWORD}
)


def main(command: list[str]) -> None:
    """Replace this process by the command; exit with a message if a setting is invalid."""
    if not command:
        sys.exit("usage: python -m include.docker COMMAND [ARGUMENT...]")
    try:
        environment = container_environment(os.environ)
    except SettingError as error:
        sys.exit(f"Invalid setting in .env or in the shell: {error}")
    # Only the api-server has it; rewritten at every start so that a new password applies.
    if UI_PASSWORD in os.environ:
        write_private(Path(environment[PASSWORDS_FILE]), json.dumps({UI_USER: os.environ[UI_PASSWORD]}))
    # By path: the name `airflow` would resolve to bin/airflow again.
    program, *arguments = airflow_command(*command[1:]) if command[0] == "airflow" else command
    os.execvpe(program, [program, *arguments], environment)  # noqa: S606


def container_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the command's environment, with Airflow's connections.

    The default is the bundled database, and the sandbox if its profile is active.

    :raises SettingError: a setting is invalid.
    """
    given = {name: value for name, value in inherited.items() if value}
    for name in URL_PASSWORDS:
        if name in given and not (given[name].isascii() and given[name].isalnum()):
            raise SettingError(f"{name} must be letters and digits, because it is part of a URL")
    tikhub, tikhub_source = find_tikhub(given, 0)
    is_sandbox = not tikhub_source and SANDBOX_PROFILE in given.get("COMPOSE_PROFILES", "").split(",")
    found = {"AIRFLOW_CONN_TIKHUB": tikhub} if tikhub_source else {}
    if is_sandbox:
        found["AIRFLOW_CONN_TIKHUB"] = sandbox_connection(given["COMETS_SANDBOX_URL"], SANDBOX_KEY)
        found[PACE_VARIABLE] = given.get(PACE_VARIABLE, SANDBOX_PACE)
    database, database_source = find_database(given, State(PROJECT))
    if not database_source or (is_sandbox and database_source != CONNECTION_VARIABLE):
        server, _, _ = given[METADATA_VARIABLE].rpartition("/")
        database = database_connection(f"{server}/{SANDBOX_DATABASE if is_sandbox else COMETS_DATABASE}")
    kept = {name: value for name, value in given.items() if name not in CONSUMED}
    return {**kept, **found, "AIRFLOW_CONN_COMETS_DB": database, **notification_connection(given)}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing an existing one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])
