"""TikHub's envelope, out of untrusted bytes: the JSON object around every answer and every error."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MAX_INTEGER_CHARS = 40
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


# What the end of a JSON text may look like when it is cut inside a literal or a number.
_HALF_TOKENS = frozenset(
    [literal[:length] for literal in ("true", "false", "null") for length in range(1, len(literal))]
    + ["-", ".", *(f"{letter}{sign}" for letter in "eE" for sign in ("", "+", "-"))]
)


@dataclass(frozen=True)
class Unreadable:
    """What a body is instead of a JSON object, and whether that is one which ends in the middle."""

    flaw: str
    is_cut: bool = False


def decode_envelope(body: bytes) -> dict[str, Any] | Unreadable:
    """Return the JSON object that a body holds, or what it is instead.

    Not an exception, as the one of the json module would stay its context, and that holds the whole body.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        return Unreadable("an empty body")
    if text[0] not in "{[":
        return Unreadable("a web page instead of JSON" if text[0] == "<" else "something else than JSON")
    try:
        value = json.loads(text, parse_int=_parse_integer)
    except json.JSONDecodeError as error:
        is_cut = _ends_in_the_middle(text, error)
        return Unreadable(f"JSON that ends after {len(body):,} bytes" if is_cut else "broken JSON", is_cut)
    except RecursionError:
        return Unreadable("JSON that is nested too deeply")
    return value if isinstance(value, dict) else Unreadable("a JSON list instead of an object")


def failing_inner_status(envelope: Mapping[str, Any]) -> int | None:
    """Return the status by which a reply of HTTP 200 fails after all, or None. Texts and nulls are no statuses."""
    statuses = (_parse_status(value) for value in _inner_statuses(envelope))
    return next((status for status in statuses if status and not 200 <= status < 300), None)


def error_message(envelope: Mapping[str, Any]) -> str:
    """TikHub's own words about a failure, as untrusted as they came; empty when there are none."""
    message = _object(envelope.get("detail")).get("message")
    return message if isinstance(message, str) else ""


def request_id(envelope: Mapping[str, Any]) -> str | None:
    """TikHub's id of the call."""
    value = _object(envelope.get("detail")).get("request_id") or envelope.get("request_id")
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def refused_params(envelope: Mapping[str, Any], sent: Collection[str]) -> list[str]:
    """Names of the sent parameters that a validation error (HTTP 422) is about; the rest of it echoes input."""
    details = envelope.get("detail")
    locations = [_object(entry).get("loc") for entry in details] if isinstance(details, list) else []
    return [name for name in sent if any(isinstance(location, list) and name in location for location in locations)]


def _ends_in_the_middle(text: str, error: json.JSONDecodeError) -> bool:
    rest = text[error.pos :]
    return (
        not rest
        or rest in _HALF_TOKENS
        or error.msg.startswith("Unterminated string")
        or ("escape" in error.msg and len(rest) < len(r"\uXXXX"))
    )


def _inner_statuses(envelope: Mapping[str, Any]) -> Iterator[object]:
    """The places where a reply of HTTP 200 was seen to fail, outermost first."""
    yield envelope.get("code")
    yield _object(envelope.get("detail")).get("code")
    data = _object(envelope.get("data"))
    yield data.get("status_code")
    yield data.get("statusCode")
    yield _object(data.get("BaseResp")).get("StatusCode")


def _parse_status(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,10}\s*", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _parse_integer(text: str) -> int | str:
    # int() raises on more than 4,300 digits; a number so long is no count and no id anyway.
    return int(text) if len(text) <= _MAX_INTEGER_CHARS else text


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
