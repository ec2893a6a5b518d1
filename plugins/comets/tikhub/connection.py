"""What an Airflow connection to TikHub says: the API key and the base URL."""

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
"""Stands where something secret was."""

MIN_SECRET_CHARS = 8
"""Anything shorter is no real key, and would take harmless words out of captions and links."""

# Applied in this order, after the key itself: TikHub's bodies hold whole headers and signed links.
_REDACTED = (
    re.compile(r"bearer\s+\S+", re.IGNORECASE),
    re.compile(r"\S*(?:://|www\.)\S*", re.IGNORECASE),
    re.compile(r"[A-Za-z0-9_+/=.~%-]{20,}"),
)

_LINK_FIELD = "cache_url"


class UnusableKeyError(ValueError):
    """There is no key, or it holds what no HTTP header can; the text never shows it."""


class ApiKey(AuthBase):
    """TikHub's API key as `requests` wants it: `Authorization: Bearer <key>`. Its repr does not show the key."""

    def __init__(self, password: str | None) -> None:
        """Take the password of a connection, without the white space that copying often adds.

        :raises UnusableKeyError: when it cannot be a key
        """
        key = (password or "").strip()
        if not key:
            raise UnusableKeyError("it has no password")
        if not all(character.isprintable() and ord(character) < 256 for character in key):
            raise UnusableKeyError("its password holds characters that no API key has, such as a line break")
        self._header = f"Bearer {key}"
        self._secrets = _spellings(key) if len(key) >= MIN_SECRET_CHARS else set()
        self._spellings = _pattern(_spellings(key))

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header
        return request

    def quote_safely(self, text: str) -> str:
        """Return the beginning of a text of TikHub's, without control characters, keys, tokens and links."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        printable = self._spellings.sub(HIDDEN, printable)
        for pattern in _REDACTED:
            printable = pattern.sub(HIDDEN, printable)
        return " ".join(printable.split())[:MAX_QUOTE_CHARS]

    def clean(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """Take the key and the `cache_url` out of an envelope, wherever in it they stand, and return it.

        The JSON has to be parsed before, because JSON can escape every character.
        """
        link = envelope.get(_LINK_FIELD)
        secrets = set(self._secrets)
        if isinstance(link, str) and len(link) >= MIN_SECRET_CHARS:
            secrets.add(link)
        if secrets:
            _clean(envelope, secrets)
        return envelope


def _clean(whole: dict[str, Any], secrets: set[str]) -> None:
    """Take secrets out of a JSON value, in place; without recursion, as bodies may be nested deeply."""
    pattern = _pattern(secrets)
    needles = [secret.lower() for secret in secrets]

    def hide(text: str) -> str:
        # A body has a million characters, in which the pattern alone would search for a quarter of a second.
        lowered = text.lower()
        return pattern.sub(HIDDEN, text) if any(needle in lowered for needle in needles) else text

    waiting: list[Any] = [whole]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict):
            pairs = [(hide(name), value) for name, value in container.items()]
            container.clear()
            container.update((name, HIDDEN if name == _LINK_FIELD else value) for name, value in pairs)
        places: Any = container.items() if isinstance(container, dict) else enumerate(container)
        for place, value in list(places):
            if isinstance(value, str):
                container[place] = hide(value)
            elif isinstance(value, dict | list):
                waiting.append(value)


def _spellings(key: str) -> set[str]:
    spellings = {key, quote(key), quote(key, safe=""), quote_plus(key), quote(quote(key, safe=""), safe="")}
    spellings |= {escape(key), escape(key, quote=False)}
    raw = key.encode("latin-1")
    return spellings | {part for form in {raw, key.encode()} for part in _base64_parts(form)}


def _base64_parts(secret: bytes) -> Iterator[str]:
    """What stands in every base64 text that holds the secret, at each of the three places where it may begin."""
    for shift in range(3):
        first = -(-shift * 8 // 6)
        last = (shift + len(secret)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            part = encode(bytes(shift) + secret).decode()[first:last]
            if len(part) >= MIN_SECRET_CHARS:
                yield part


def _pattern(spellings: set[str]) -> re.Pattern[str]:
    longest_first = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
    return re.compile(rf"(?:bearer\s+)?(?:{'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)


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
