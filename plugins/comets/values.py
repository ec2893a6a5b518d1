"""Conversion of untrusted text, numbers and ids to values that PostgreSQL, JSON and logs can hold."""

from __future__ import annotations

import re

# PostgreSQL's text can't hold NUL, and a lone surrogate has no UTF-8 form.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return `text` with every NUL and every lone half of a surrogate pair replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def printable_text(text: str) -> str:
    """Return `text` for a log or a terminal, with every character that is not printable replaced by U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


MAX_COUNT = 2**63 - 1
"""Maximum of PostgreSQL's bigint."""

MAX_ID_CHARS = 255
"""TikTok's longest known id, a sec_uid, has 76 characters. PostgreSQL can't index keys of more than 2,700 bytes."""

SEC_UID_START = "MS4wLjAB"
"""Prefix of every sec_uid. An older installation may have used one as a creator's key."""

_DIGITS = re.compile(r"\s*0*([0-9]{1,19})\s*")


def parse_count(value: object) -> int | None:
    """Return `value` as an integer from 0 to `MAX_COUNT`, or None when it is not one.

    Accept integers, integral floats and strings of ASCII digits, because TikHub's routes use all three.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(value, str):
        match = _DIGITS.fullmatch(value)
        value = int(match[1]) if match else None
    return value if isinstance(value, int) and 0 <= value <= MAX_COUNT else None


def parse_id(value: object) -> str | None:
    """Return an id as text, or None when it is empty, "0" (TikTok's "none"), too long, or of another type."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_COUNT:
        return str(value)
    if not isinstance(value, str):
        return None
    text = clean_text(value).strip()
    return text if 0 < len(text) <= MAX_ID_CHARS and text != "0" else None
