"""Turns what people configure (URLs, single values, keys) into Airflow connections in their JSON form.

JSON is the only form in which every password survives: Airflow's own URI form needs percent-encoding and reads parts
of a URL differently from libpq.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

SCHEMES = frozenset({"postgres", "postgresql"})
# Airflow's name of a part of a connection, and libpq's.
FIELDS = {"host": "host", "schema": "dbname", "login": "user", "password": "password"}
DEFAULT_PORT = 5432
# Hosted databases put hints for other clients among the options, such as `supa=...`, and psycopg refuses them.
LIBPQ_OPTIONS = frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())


class ConnectionFormatError(ValueError):
    """A setting cannot be read. The text never contains the setting: there is a password in it."""


def database_connection(url: str) -> str:
    """Return the JSON connection for a PostgreSQL URL, whose password may be percent-encoded or pasted as it is.

    A pasted password may hold any sign, so it reaches up to the last "@".

    :raises ConnectionFormatError: it is not a PostgreSQL URL.
    """
    scheme, _, rest = url.strip().partition("://")
    if scheme.partition("+")[0] not in SCHEMES:
        raise ConnectionFormatError("it does not begin with postgresql:// or postgres://")
    credentials, _, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    server, _, query = address.partition("?")
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    given = {name: value for name, value in options.items() if name in LIBPQ_OPTIONS}
    given |= {name: decode(text) for name, text in (("user", user), ("password", password)) if text}
    try:
        parameters = conninfo_to_dict(f"postgresql://{server}", **given)
    except psycopg.Error:
        raise ConnectionFormatError("the part after the password is not host:port/database?options") from None
    # Behind PgBouncer a session's prepared statements can be gone at the next statement: psycopg must not make any.
    extra = {"prepare_threshold": None} if options.get("pgbouncer", "").lower() == "true" else {}
    return postgres_json(parameters, extra)


def database_connection_of_parts(values: Mapping[str, str]) -> str:
    """Return the JSON connection for DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD, taken literally.

    :raises ConnectionFormatError: the port is not a number.
    """
    parameters = {
        "host": values.get("DB_HOST") or "localhost",
        "port": values.get("DB_PORT"),
        "dbname": values.get("DB_NAME") or "postgres",
        "user": values.get("DB_USER") or "postgres",
        "password": values.get("DB_PASSWORD"),
    }
    return postgres_json(parameters, {})


def http_connection(base_url: str, key: str) -> str:
    """Return the JSON connection for a TikHub-compatible server."""
    return json.dumps({"conn_type": "http", "host": base_url.strip().rstrip("/"), "password": key.strip()})


def apprise_connection(urls: str) -> str:
    """Return the JSON connection for services that notices are sent to: one or more URLs as Apprise takes them."""
    return json.dumps({"conn_type": "apprise", "extra": {"config": [{"path": urls.strip()}]}})


def postgres_json(parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """Write libpq's parameters as a connection of type `postgres`; parameters without a value are left out."""
    given = {name: value for name, value in parameters.items() if value}
    port = given.pop("port", str(DEFAULT_PORT))
    if not (port.isascii() and port.isdigit()):
        raise ConnectionFormatError("its port is not a number")
    fields = {name: given.pop(key) for name, key in FIELDS.items() if key in given}
    options = {"extra": {**given, **extra}} if given or extra else {}
    return json.dumps({"conn_type": "postgres", **fields, "port": int(port), **options})


def decode(text: str) -> str:
    """Decode %XX where it is valid; a text that would not be UTF-8 afterwards was not encoded at all and stays."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
