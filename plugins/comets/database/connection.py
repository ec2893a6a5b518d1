"""The Airflow connection of the creators' database, checked before anything is done with it.

A connection that was typed wrongly can hold its password in any field: the whole URL as host, or half of a password
that was not percent-encoded as port. libpq and psycopg repeat such fields in their errors, so they never get to see it.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import Any

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from comets.errors import DatabaseError
from comets.settings import DATABASE_CONN_ID

HOST = re.compile(r"/[^@]*|[\w.:%,\[\]-]*")
MAX_PORT = 65_535


def checked_connection(conn_id: str = DATABASE_CONN_ID) -> Connection:
    """The Airflow connection.

    :raises DatabaseError: it is not defined, or can't be one to a PostgreSQL database.
    """
    connection = _find(conn_id)
    if connection is None:
        raise DatabaseError(_missing(conn_id))
    problem = _problem(connection, os.environ.get(_variable(conn_id)))
    if problem:
        raise DatabaseError(
            f"The Airflow connection `{conn_id}` is malformed: {problem}. A password may stand in the wrong place, so "
            f"nothing of it is shown. {_form(conn_id)}"
        )
    return connection


def check_connection_first(context: Any) -> None:
    """Check the connection before a SQL step hands it to Airflow's own hook; a ``pre_execute`` function.

    :raises DatabaseError: as :func:`checked_connection`.
    """
    checked_connection(getattr(context["task"], "conn_id", None) or DATABASE_CONN_ID)


def describe_place(connection: Connection) -> str:
    """The database and the connection's id, for a person; without password."""
    host = connection.host or "the default host"
    return (
        f'database "{connection.schema or connection.login}" at {host}:{connection.port or 5432} as '
        f'"{connection.login}" (Airflow connection `{connection.conn_id}`)'
    )


def _find(conn_id: str) -> Connection | None:
    try:
        found: Connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    return found


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _form(conn_id: str) -> str:
    return (
        f"Set {_variable(conn_id)} in its JSON form, in which every password survives: "
        '{"conn_type": "postgres", "host": ..., "port": 5432, "schema": ..., "login": ..., "password": ...}; or add it '
        "in Airflow's UI under Admin, Connections."
    )


def _missing(conn_id: str) -> str:
    variable = _variable(conn_id)
    if os.environ.get(variable):
        return f"The Airflow connection `{conn_id}` is malformed: Airflow cannot read {variable}. {_form(conn_id)}"
    return f"The Airflow connection `{conn_id}` is not defined. {_form(conn_id)}"


def _problem(connection: Connection, variable: str | None) -> str | None:
    """What is wrong with a connection, in words that repeat nothing of it but names of options."""
    if variable and not variable.lstrip().startswith("{") and "#" in variable:
        return 'its URI holds a "#", behind which Airflow reads nothing; percent-encode the password'
    if connection.conn_type != "postgres":
        return "its type is not postgres"
    if not HOST.fullmatch(connection.host or "") or "://" in (connection.host or ""):
        return "its host is no host name"
    if re.search(r"://|[=@]", connection.schema or ""):
        return "its schema is no name of a database"
    if "://" in (connection.login or ""):
        return "its login is no name of a user"
    if not 0 <= (connection.port or 0) <= MAX_PORT:
        return "its port is not between 1 and 65535"
    return _problem_of_extra(connection.extra)


def _problem_of_extra(extra: str | None) -> str | None:
    try:
        options = json.loads(extra or "{}")
    except ValueError:
        return "its extra is not valid JSON"
    if not isinstance(options, dict):
        return "its extra is not a JSON object"
    unknown = sorted(set(options) - _known_options())
    if unknown:
        return f"its extra has options that libpq does not know: {', '.join(map(repr, unknown))}"
    return None


@cache
def _known_options() -> frozenset[str]:
    # Importing psycopg takes a tenth of a second, and whatever parses a Dag file imports this module.
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import pq

    of_libpq = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    of_psycopg = {"autocommit", "prepare_threshold"}
    return frozenset(of_libpq | of_psycopg | PostgresHook.ignored_extra_options)
