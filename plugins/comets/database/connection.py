"""The Airflow connection of the creators' database, validated before use.

A mistyped connection can contain its password in any field: the whole URL as host, or part of an unencoded password as
port. libpq and psycopg repeat such fields in their errors, so a malformed connection never reaches them.
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
    """Return the Airflow connection.

    :raises DatabaseError: it is not defined, or not a valid connection to PostgreSQL.
    """
    connection = _find(conn_id)
    if connection is None:
        raise DatabaseError(_missing(conn_id))
    problem = _problem(connection, os.environ.get(_variable(conn_id)))
    if problem:
        raise DatabaseError(
            f"The Airflow connection `{conn_id}` is malformed: {problem}. Its values are not shown, because any of "
            f"them may contain the password. {_form(conn_id)}"
        )
    return connection


def check_connection_first(context: Any) -> None:
    """Check the connection before a SQL step passes it to Airflow's hook; a ``pre_execute`` function.

    :raises DatabaseError: as :func:`checked_connection`.
    """
    checked_connection(getattr(context["task"], "conn_id", None) or DATABASE_CONN_ID)


def describe_place(connection: Connection) -> str:
    """Return a description of the database and its connection, without password."""
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
        f"Set {_variable(conn_id)} in its JSON form, which needs no escaping of the password: "
        '{"conn_type": "postgres", "host": ..., "port": 5432, "schema": ..., "login": ..., "password": ...}; or add it '
        "in Airflow's UI under Admin, Connections."
    )


def _missing(conn_id: str) -> str:
    variable = _variable(conn_id)
    if os.environ.get(variable):
        return f"The Airflow connection `{conn_id}` is malformed: Airflow cannot read {variable}. {_form(conn_id)}"
    return f"The Airflow connection `{conn_id}` is not defined. {_form(conn_id)}"


def _problem(connection: Connection, variable: str | None) -> str | None:
    """Return what is wrong with a connection; the text repeats none of its values, only names of options."""
    if variable and not variable.lstrip().startswith("{") and "#" in variable:
        return 'its URI contains a "#", and Airflow ignores everything after it; percent-encode the password'
    if connection.conn_type != "postgres":
        return "its type is not postgres"
    if not HOST.fullmatch(connection.host or "") or "://" in (connection.host or ""):
        return "its host is not a host name"
    if re.search(r"://|[=@]", connection.schema or ""):
        return "its schema is not the name of a database"
    if "://" in (connection.login or ""):
        return "its login is not the name of a user"
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
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg import pq

    libpq_options = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    psycopg_options = {"autocommit", "prepare_threshold"}
    return frozenset(libpq_options | psycopg_options | PostgresHook.ignored_extra_options)
