"""The API key, kept in one object that signs requests and takes the key out of texts."""

from __future__ import annotations

import re
from urllib.parse import quote

from requests import PreparedRequest
from requests.auth import AuthBase

MAX_QUOTE_CHARS = 200

# Applied in this order, after the key itself: TikHub's bodies hold whole headers and signed links.
_REDACTED = (
    re.compile(r"bearer\s+\S+", re.IGNORECASE),
    re.compile(r"\S*(?:://|www\.)\S*", re.IGNORECASE),
    re.compile(r"[A-Za-z0-9_+/=.~%-]{20,}"),
)


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
        spellings = sorted({key, quote(key), quote(key, safe="")}, key=len, reverse=True)
        self._spellings = re.compile("|".join(map(re.escape, spellings)), re.IGNORECASE)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header
        return request

    def quote_safely(self, text: str) -> str:
        """Return the beginning of a text of TikHub's, without control characters, keys, tokens and links."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        printable = self._spellings.sub("***", printable)
        for pattern in _REDACTED:
            printable = pattern.sub("***", printable)
        return " ".join(printable.split())[:MAX_QUOTE_CHARS]
