"""Decoding of TikHub's envelope, the JSON object of every response, from untrusted bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MAX_INTEGER_CHARS = 40
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_CUT_TOKENS = frozenset(
    [literal[:length] for literal in ("true", "false", "null") for length in range(1, len(literal))]
    + ["-", ".", *(f"{letter}{sign}" for letter in "eE" for sign in ("", "+", "-"))]
)


@dataclass(frozen=True)
class Unreadable:
    """A body that is not a JSON object. `is_cut` is True when it is the start of one."""

    reason: str
    is_cut: bool = False


def decode_envelope(body: bytes) -> dict[str, Any] | Unreadable:
    """Return the JSON object of a body, or why there is none.

    Not an exception, because it would chain the json module's error, which contains the whole body.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        return Unreadable("an empty body")
    if text[0] not in "{[":
        return Unreadable("a web page instead of JSON" if text[0] == "<" else "not JSON")
    try:
        value = json.loads(text, parse_int=_parse_integer)
    except json.JSONDecodeError as error:
        is_cut = _is_cut(text, error)
        return Unreadable(f"JSON cut off after {len(body):,} bytes" if is_cut else "broken JSON", is_cut)
    except RecursionError:
        return Unreadable("JSON nested too deeply")
    return value if isinstance(value, dict) else Unreadable("a JSON list instead of an object")


def failing_inner_status(envelope: Mapping[str, Any]) -> int | None:
    """Return the failing status inside a response of HTTP 200, or None. Other texts and nulls are ignored."""
    statuses = (_parse_status(value) for value in _inner_statuses(envelope))
    return next((status for status in statuses if status and not 200 <= status < 300), None)


def error_message(envelope: Mapping[str, Any]) -> str:
    """Return TikHub's untrusted message about a failure, or an empty text."""
    message = _object(envelope.get("detail")).get("message")
    return message if isinstance(message, str) else ""


def request_id(envelope: Mapping[str, Any]) -> str | None:
    """Return TikHub's id of the call, or None."""
    value = _object(envelope.get("detail")).get("request_id") or envelope.get("request_id")
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def refused_params(envelope: Mapping[str, Any], sent: Collection[str]) -> list[str]:
    """Return the names of sent parameters in a validation error (HTTP 422), whose other fields echo input."""
    details = envelope.get("detail")
    locations = [_object(entry).get("loc") for entry in details] if isinstance(details, list) else []
    return [name for name in sent if any(isinstance(location, list) and name in location for location in locations)]


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    rest = text[error.pos :]
    return (
        not rest
        or rest in _CUT_TOKENS
        or error.msg.startswith("Unterminated string")
        or ("escape" in error.msg and len(rest) < len(r"\uXXXX"))
    )


def _inner_statuses(envelope: Mapping[str, Any]) -> Iterator[object]:
    """Yield the places of a response of HTTP 200 where failing statuses were seen, outermost first."""
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
    # int() raises on more than 4,300 digits.
    return int(text) if len(text) <= _MAX_INTEGER_CHARS else text


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
