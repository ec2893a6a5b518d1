"""Text, numbers and ids from untrusted sources, made fit for PostgreSQL, JSON and logs."""

from __future__ import annotations

import re

# PostgreSQL's text cannot hold NUL; a lone surrogate has no UTF-8 form. json.loads has already joined proper pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return `text` with every NUL and every lone half of a surrogate pair replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def printable_text(text: str) -> str:
    """Return `text` for a log or a terminal: what could break the line or drive the terminal becomes U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


MAX_COUNT = 2**63 - 1
"""Greatest count that PostgreSQL's bigint holds."""

MAX_ID_CHARS = 255
"""TikTok's longest known id, a sec_uid, has 76; an index of PostgreSQL refuses keys of more than about 2,700 bytes."""

SEC_UID_START = "MS4wLjAB"
"""How every sec_uid begins; an older installation may have used one as a creator's key."""

# Longer digit texts are out of range; int() itself refuses more than 4,300 digits.
_DIGITS = re.compile(r"\s*0*([0-9]{1,19})\s*")


def parse_count(value: object) -> int | None:
    """Return a non-negative integer up to `MAX_COUNT`, or None when `value` is none.

    Integers, integral floats and texts of ASCII digits count as numbers: TikHub's routes use all three.
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
    """Return an id as text, or None when it is missing: empty, "0" (TikTok's "none"), or nothing that an id can be."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_COUNT:
        return str(value)
    if not isinstance(value, str):
        return None
    text = clean_text(value).strip()
    return text if 0 < len(text) <= MAX_ID_CHARS and text != "0" else None
