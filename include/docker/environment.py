"""Turns the variables that docker-compose.yaml hands to a container into those that Airflow reads.

Compose can only paste values into each other, which breaks URLs around passwords with "@", ":", "/", "%" or "#". So it
hands over the parts, and the URLs are made here, the connections by the same code as without Docker.
"""

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

from include.stack.celery_settings import BROKER_VARIABLE, RESULTS_VARIABLE
from include.stack.connections import database_connection_of_parts, http_connection
from include.stack.environment import (
    COMETS_DATABASE,
    DATABASE_PART_VARIABLES,
    DATABASE_URL_VARIABLES,
    METADATA_DATABASE,
    METADATA_VARIABLE,
    NOTICES_URL_VARIABLE,
    PACE_VARIABLE,
    SANDBOX_KEY,
    SANDBOX_PACE,
    SettingError,
    find_database,
    find_notices,
    find_tikhub,
)
from include.stack.keys import UI_USER
from include.stack.project import PROJECT, State

POSTGRES_ADDRESS = "COMETS_POSTGRES"
REDIS_ADDRESS = "COMETS_REDIS"
SANDBOX_URL = "COMETS_SANDBOX_URL"
SANDBOX_PROFILE = "sandbox"
POSTGRES_USER = "airflow"
PASSWORDS_FILE_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
UI_PASSWORD = "COMETS_UI_PASSWORD"  # noqa: S105

# Inputs that have done their work; fewer processes know the passwords. DB_HOST means something else to the base image.
CONSUMED = frozenset(
    {
        *DATABASE_URL_VARIABLES,
        *DATABASE_PART_VARIABLES,
        "TIKHUB_API_KEY",
        "TIKHUB_BASE_URL",
        NOTICES_URL_VARIABLE,
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
    }
)


def container_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Work out the environment of Airflow's processes in a container; variables of Airflow that are set already win.

    :raises SettingError: a setting is missing or cannot be read.
    """
    given = {name: value for name, value in inherited.items() if value}
    made = {
        METADATA_VARIABLE: partial(postgres_url, given, "postgresql+psycopg2"),
        RESULTS_VARIABLE: partial(postgres_url, given, "db+postgresql+psycopg2"),
        BROKER_VARIABLE: partial(broker_url, given),
    }
    urls = {name: make() for name, make in made.items() if name not in given}
    kept = {name: value for name, value in given.items() if name not in CONSUMED}
    return {**kept, **urls, **connections(given)}


def connections(given: Mapping[str, str]) -> dict[str, str]:
    """Return Airflow's connections; without settings the bundled database, and the sandbox if its profile is on.

    The sandbox comes with a pace of its own.
    """
    database, source = find_database(given, State(PROJECT))
    found = {"AIRFLOW_CONN_COMETS_DB": database if source else bundled_database(given)}
    tikhub, source = find_tikhub(given, 0)
    if source:
        found["AIRFLOW_CONN_TIKHUB"] = tikhub
    elif SANDBOX_PROFILE in given.get("COMPOSE_PROFILES", "").split(","):
        found["AIRFLOW_CONN_TIKHUB"] = http_connection(need(given, SANDBOX_URL), SANDBOX_KEY)
        found[PACE_VARIABLE] = given.get(PACE_VARIABLE, SANDBOX_PACE)
    return found | find_notices(given)


def bundled_database(given: Mapping[str, str]) -> str:
    """Return the creators' database on the stack's own server as a JSON connection."""
    host, _, port = need(given, POSTGRES_ADDRESS).partition(":")
    parts = {"DB_HOST": host, "DB_PORT": port, "DB_NAME": COMETS_DATABASE, "DB_USER": POSTGRES_USER}
    return database_connection_of_parts(parts | {"DB_PASSWORD": need(given, "POSTGRES_PASSWORD")})


def postgres_url(given: Mapping[str, str], scheme: str) -> str:
    """Return the URL of Airflow's own database."""
    password = quote(need(given, "POSTGRES_PASSWORD"), safe="")
    return f"{scheme}://{POSTGRES_USER}:{password}@{need(given, POSTGRES_ADDRESS)}/{METADATA_DATABASE}"


def broker_url(given: Mapping[str, str]) -> str:
    """Return the URL of Celery's broker."""
    return f"redis://:{quote(need(given, 'REDIS_PASSWORD'), safe='')}@{need(given, REDIS_ADDRESS)}/0"


def need(given: Mapping[str, str], name: str) -> str:
    """Return a variable.

    :raises SettingError: it is not set.
    """
    if name not in given:
        raise SettingError(f"{name} is not set")
    return given[name]


def write_ui_password(environment: dict[str, str]) -> None:
    """Move the UI's password, where there is one, to the file in which Airflow's simple auth manager looks for it.

    Only the api-server has it. Written at every start, so that a changed password holds after a restart.
    """
    password = environment.pop(UI_PASSWORD, "")
    if not password:
        return
    path = Path(need(environment, PASSWORDS_FILE_VARIABLE))
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({UI_USER: password}, file)
    draft.replace(path)
