"""The base URL that an Airflow connection names."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

DEFAULT_BASE_URL = "https://api.tikhub.io"

_SCHEMES = ("http", "https")


class Address(Protocol):
    """The fields of a connection that say where TikHub is."""

    conn_type: str | None
    host: str | None
    schema: str | None
    port: int | None


class BaseUrlError(ValueError):
    """The connection's host is no address of a web server."""


def base_url_of(connection: Address) -> str:
    """Return the base URL of a connection, without a trailing slash; TikHub's own if the connection has no host.

    The host may hold a scheme, a port and a path. Where it holds no scheme, the connection's `schema` decides if it is
    http or https (as in Airflow's HTTP provider), else a connection type of https; else the key goes over https, except
    to this very machine. A user and password, a query and a fragment in the host are dropped.

    :raises BaseUrlError: when the host is no web address
    """
    host = (connection.host or "").strip() or DEFAULT_BASE_URL
    try:
        if "://" not in host:
            host = f"{_scheme(connection, host)}://{host}"
        parts = urlsplit(host)
        port = parts.port or connection.port
    except ValueError:
        raise BaseUrlError("it is no web address") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise BaseUrlError("it is no address of the form https://name")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _scheme(connection: Address, host: str) -> str:
    if connection.schema in _SCHEMES:
        return connection.schema
    if connection.conn_type != "https" and _is_this_machine(urlsplit(f"//{host}").hostname or ""):
        return "http"
    return "https"


def _is_this_machine(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
