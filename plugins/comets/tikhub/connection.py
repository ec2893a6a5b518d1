"""The API key and the base URL from an Airflow connection to TikHub."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from html import escape
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import quote, quote_plus, urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

MAX_QUOTE_CHARS = 200

HIDDEN = "***"
"""Replacement of secrets in texts."""

MIN_SECRET_CHARS = 8
"""A shorter text is not a real key, and hiding it would remove ordinary words from captions and links."""

# TikHub's bodies contain whole headers and signed links. The order matters.
_REDACTED = (
    re.compile(r"bearer\s+\S+", re.IGNORECASE),
    re.compile(r"\S*(?:://|www\.)\S*", re.IGNORECASE),
    re.compile(r"[A-Za-z0-9_+/=.~%-]{20,}"),
)

_LINK_FIELD = "cache_url"


class UnusableKeyError(ValueError):
    """The key is missing, or no HTTP header can hold it. The text does not contain it."""


class ApiKey(AuthBase):
    """TikHub's API key as authentication for `requests`: `Authorization: Bearer <key>`.

    The repr does not contain the key.
    """

    def __init__(self, password: str | None) -> None:
        """Use the password of a connection, without surrounding white space.

        :raises UnusableKeyError: it can't be an API key
        """
        key = (password or "").strip()
        if not key:
            raise UnusableKeyError("it has no password")
        if not all(character.isprintable() and ord(character) < 256 for character in key):
            raise UnusableKeyError("its password contains invalid characters, such as a line break")
        self._header = f"Bearer {key}"
        self._secrets = _encodings(key) if len(key) >= MIN_SECRET_CHARS else set()
        self._key_pattern = _pattern(_encodings(key))

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header
        return request

    def quote_safely(self, text: str) -> str:
        """Return the start of a message from TikHub, without control characters, keys, tokens and links."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        printable = self._key_pattern.sub(HIDDEN, printable)
        for pattern in _REDACTED:
            printable = pattern.sub(HIDDEN, printable)
        return " ".join(printable.split())[:MAX_QUOTE_CHARS]

    def clean(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """Hide the key and the `cache_url` everywhere in an envelope, in place, and return it.

        Works on parsed JSON, because JSON can escape every character.
        """
        link = envelope.get(_LINK_FIELD)
        secrets = set(self._secrets)
        if isinstance(link, str) and len(link) >= MIN_SECRET_CHARS:
            secrets.add(link)
        if secrets:
            _hide_secrets(envelope, secrets)
        return envelope


def _hide_secrets(envelope: dict[str, Any], secrets: set[str]) -> None:
    """Hide secrets in a JSON value, in place. Without recursion, because bodies may be nested deeply."""
    pattern = _pattern(secrets)
    needles = [secret.lower() for secret in secrets]

    def hide(text: str) -> str:
        # The pattern alone takes a quarter of a second for a body of a million characters.
        lowered = text.lower()
        return pattern.sub(HIDDEN, text) if any(needle in lowered for needle in needles) else text

    pending: list[Any] = [envelope]
    while pending:
        container = pending.pop()
        if isinstance(container, dict):
            pairs = [(hide(name), value) for name, value in container.items()]
            container.clear()
            container.update((name, HIDDEN if name == _LINK_FIELD else value) for name, value in pairs)
        items: Any = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in list(items):
            if isinstance(value, str):
                container[key] = hide(value)
            elif isinstance(value, dict | list):
                pending.append(value)


def _encodings(key: str) -> set[str]:
    encodings = {key, quote(key), quote(key, safe=""), quote_plus(key), quote(quote(key, safe=""), safe="")}
    encodings |= {escape(key), escape(key, quote=False)}
    raw = key.encode("latin-1")
    return encodings | {part for form in {raw, key.encode()} for part in _base64_parts(form)}


def _base64_parts(secret: bytes) -> Iterator[str]:
    """Yield the part of a base64 text that is the same wherever the secret occurs, for each of its three alignments."""
    for shift in range(3):
        first = -(-shift * 8 // 6)
        last = (shift + len(secret)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            part = encode(bytes(shift) + secret).decode()[first:last]
            if len(part) >= MIN_SECRET_CHARS:
                yield part


def _pattern(secrets: set[str]) -> re.Pattern[str]:
    longest_first = sorted(secrets, key=lambda secret: (-len(secret), secret))
    return re.compile(rf"(?:bearer\s+)?(?:{'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)


DEFAULT_BASE_URL = "https://api.tikhub.io"

ALLOW_HTTP = "allow_http"
"""Option of a connection: true allows plain http to a server of the own network."""

_SCHEMES = ("http", "https")


class Address(Protocol):
    """The fields of a connection that make up the base URL."""

    conn_type: str | None
    host: str | None
    schema: str | None
    port: int | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The options of the connection."""


class BaseUrlError(ValueError):
    """The connection's host is not a web address, or plain http would carry the key to another machine."""


def base_url_of(connection: Address) -> str:
    """Return the base URL of a connection, without a trailing slash; TikHub's own if the connection has no host.

    The host may include a scheme, a port and a path. Without a scheme, the connection's `schema` is used (as in
    Airflow's HTTP provider), else http for this machine unless the connection type is https, else https. A user, a
    password, a query and a fragment in the host are dropped. Plain http to another machine needs the option
    `"allow_http": true` in the connection's extra.

    :raises BaseUrlError: the host is not a web address, or needs https
    """
    host = (connection.host or "").strip() or DEFAULT_BASE_URL
    try:
        if "://" not in host:
            host = f"{_scheme(connection, host)}://{host}"
        parts = urlsplit(host)
        port = parts.port or connection.port
    except ValueError:
        raise BaseUrlError("it is not a web address") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise BaseUrlError("it is not an address like https://name")
    is_allowed = _is_loopback(parts.hostname) or connection.extra_dejson.get(ALLOW_HTTP) is True
    if parts.scheme == "http" and not is_allowed:
        raise BaseUrlError(f"http:// would send the key unencrypted; use https://, or set {ALLOW_HTTP} in the extra")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _scheme(connection: Address, host: str) -> str:
    if connection.schema in _SCHEMES:
        return connection.schema
    if connection.conn_type != "https" and _is_loopback(urlsplit(f"//{host}").hostname or ""):
        return "http"
    return "https"


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
