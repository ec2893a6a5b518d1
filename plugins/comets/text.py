"""Text from the outside, made fit for PostgreSQL, JSON and pydantic."""

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
