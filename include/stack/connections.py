"""Turns what people configure (URLs, single values, keys) into Airflow connections in their JSON form.

JSON is the only form in which every password survives: Airflow's own URI form needs percent-encoding and reads parts
of a URL differently from libpq.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from psycopg import pq

DEFAULT_DATABASE_PORT = 5432

# Only what libpq itself understands may stay among the options: hosted databases put hints for other clients there,
# such as `pgbouncer=true` or `supa=...`, and psycopg refuses them.
LIBPQ_OPTIONS = frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())

SCHEME = re.compile(r"postgres(?:ql)?(?:\+\w+)?://")
# What follows the user's name and password.
SERVER = re.compile(
    r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^@:/?#\s\[\]]*)"
    r"(?::(?P<port>\d*))?"
    r"(?:/(?P<database>[^@/?#]*))?"
    r"(?:\?(?P<options>[^#]*))?"
)
OPTION = re.compile(r"[A-Za-z_][\w.-]*=.*", re.DOTALL)


class ConnectionFormatError(ValueError):
    """A setting cannot be read. The text never contains the setting: there is a password in it."""


def database_connection(url: str) -> str:
    """Return the JSON connection for a PostgreSQL URL, whose password may be percent-encoded or pasted as it is.

    :raises ConnectionFormatError: it is not a PostgreSQL URL.
    """
    scheme = SCHEME.match(url.strip())
    if scheme is None:
        raise ConnectionFormatError("it does not begin with postgresql:// or postgres://")
    credentials, server = split_credentials(url.strip()[scheme.end() :])
    user, _, password = credentials.partition(":")
    options = read_options(server["options"])
    given = {
        "host": decode(server["host"].strip("[]")) or options.pop("host", ""),
        "port": server["port"] or options.pop("port", ""),
        "schema": decode(server["database"]) or options.pop("dbname", ""),
        "login": decode(user) or options.pop("user", ""),
        "password": decode(password) or options.pop("password", ""),
    }
    return postgres_json(given, options)


def database_connection_of_parts(values: Mapping[str, str]) -> str:
    """Return the JSON connection for DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD, taken literally.

    :raises ConnectionFormatError: the port is not a number.
    """
    fields = {
        "host": values.get("DB_HOST") or "localhost",
        "port": values.get("DB_PORT", ""),
        "schema": values.get("DB_NAME") or "postgres",
        "login": values.get("DB_USER") or "postgres",
        "password": values.get("DB_PASSWORD", ""),
    }
    return postgres_json(fields, {})


def http_connection(base_url: str, key: str) -> str:
    """Return the JSON connection for a TikHub-compatible server."""
    return json.dumps({"conn_type": "http", "host": base_url.strip().rstrip("/"), "password": key.strip()})


def apprise_connection(urls: str) -> str:
    """Return the JSON connection for services that notices are sent to: one or more URLs as Apprise takes them."""
    return json.dumps({"conn_type": "apprise", "extra": {"config": [{"path": urls.strip()}]}})


def postgres_json(fields: Mapping[str, str], options: Mapping[str, Any]) -> str:
    """Write a connection of type `postgres`; fields that are empty are left out."""
    port = fields["port"] or str(DEFAULT_DATABASE_PORT)
    if not (port.isascii() and port.isdigit()):
        raise ConnectionFormatError("its port is not a number")
    connection: dict[str, Any] = {"conn_type": "postgres"}
    connection |= {name: value for name, value in fields.items() if value} | {"port": int(port)}
    return json.dumps(connection | ({"extra": dict(options)} if options else {}))


def split_credentials(rest: str) -> tuple[str, Mapping[str, str]]:
    """Split what follows the scheme into `user:password` and the parts of the server.

    A password may contain raw signs, so it reaches up to the last "@"; unless the whole is a server without
    credentials, one of whose options contains the "@".
    """
    server = SERVER.fullmatch(rest)
    if server and has_sound_options(server["options"]):
        return "", server.groupdict(default="")
    credentials, _, after = rest.rpartition("@")
    server = SERVER.fullmatch(after)
    if server is None:
        raise ConnectionFormatError("the part after the password is not host:port/database?options")
    return credentials, server.groupdict(default="")


def has_sound_options(options: str | None) -> bool:
    """Tell whether the part after a "?" is a list of `name=value`, and not the rest of a password."""
    return not options or all(OPTION.fullmatch(option) for option in options.split("&") if option)


def read_options(options: str) -> dict[str, Any]:
    """Read the options that libpq knows.

    Behind PgBouncer a session's prepared statements can be gone at the next statement, so psycopg must not make any.
    """
    pairs = [option.partition("=") for option in options.split("&") if option]
    values = {decode(name): decode(value) for name, _, value in pairs}
    known: dict[str, Any] = {name: value for name, value in values.items() if name in LIBPQ_OPTIONS}
    if values.get("pgbouncer", "").lower() == "true":
        known["prepare_threshold"] = None
    return known


def decode(text: str) -> str:
    """Decode %XX where it is valid; a "%" that is not followed by two hexadecimal digits stays.

    A text that would not be UTF-8 afterwards was not encoded at all and stays as it is.
    """
    try:
        unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return text
    return unquote(text)
