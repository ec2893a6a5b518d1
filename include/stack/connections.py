"""Build Airflow connections in JSON form from URLs, single values and keys.

Only JSON holds every password: Airflow's URI form needs percent-encoding and reads URLs differently from libpq.
"""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

SCHEMES = frozenset({"postgres", "postgresql"})
FIELDS = {"host": "host", "schema": "dbname", "login": "user", "password": "password"}
DEFAULT_PORT = 5432
# psycopg rejects options that hosts add for other clients, such as `supa=...`.
LIBPQ_OPTIONS = frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())


class ConnectionFormatError(ValueError):
    """A setting has an invalid format. The text never contains the value, which may hold a password."""


def database_connection(url: str) -> str:
    """Return the JSON connection for a PostgreSQL URL, with a raw or percent-encoded password.

    A raw password may contain "@", so it extends to the last one.

    :raises ConnectionFormatError: the text is not a PostgreSQL URL.
    """
    scheme, _, rest = url.strip().partition("://")
    if scheme.partition("+")[0] not in SCHEMES:
        raise ConnectionFormatError("it must start with postgresql:// or postgres://")
    credentials, _, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    server, _, query = address.partition("?")
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    given = {name: value for name, value in options.items() if name in LIBPQ_OPTIONS}
    given |= {name: decode(text) for name, text in (("user", user), ("password", password)) if text}
    try:
        parameters = conninfo_to_dict(f"postgresql://{server}", **given)
    except psycopg.Error:
        raise ConnectionFormatError("after the password it must be host:port/database?options") from None
    # PgBouncer may run each statement in another session, so prepared statements fail.
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
    """Return the JSON connection for a TikHub-compatible server.

    :raises ConnectionFormatError: plain http would carry the key to another machine.
    """
    host = base_url.strip().rstrip("/")
    if host.lower().startswith("http://") and not is_this_machine(host):
        raise ConnectionFormatError("it must start with https://, because http:// would send the key unencrypted")
    return json.dumps({"conn_type": "http", "host": host, "password": key.strip()})


def sandbox_connection(base_url: str, key: str) -> str:
    """Return the JSON connection for a sandbox, which may be on another machine: its key is worthless."""
    return json.dumps({"conn_type": "http", "host": base_url, "password": key, "extra": {"allow_http": True}})


def is_this_machine(url: str) -> bool:
    """Return whether a URL leads to this machine, in the hook's own reading (`comets.tikhub.connection`)."""
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False


def apprise_connection(urls: str) -> str:
    """Return the JSON connection for notification services: one or more Apprise URLs."""
    return json.dumps({"conn_type": "apprise", "extra": {"config": [{"path": urls.strip()}]}})


def postgres_json(parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """Return libpq parameters as a JSON connection; empty parameters are dropped."""
    given = {name: value for name, value in parameters.items() if value}
    port = given.pop("port", str(DEFAULT_PORT))
    if not (port.isascii() and port.isdigit()):
        raise ConnectionFormatError("its port must be a number")
    fields = {name: given.pop(key) for name, key in FIELDS.items() if key in given}
    options = {"extra": {**given, **extra}} if given or extra else {}
    return json.dumps({"conn_type": "postgres", **fields, "port": int(port), **options})


def decode(text: str) -> str:
    """Decode %XX; return a text that would not decode to UTF-8 unchanged, as it was not encoded."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
