"""Hashtags as they are searched, stored and compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


class HashtagError(ValueError):
    """A hashtag that can't be searched."""


def normalise_hashtag(text: str) -> str:
    """Return the one spelling of a hashtag: NFKC, trimmed, one leading ``#`` dropped, casefolded; any script is kept.

    :raises HashtagError: when nothing is left, or when it holds characters that no hashtag can have.
    """
    # str.encode refuses lone surrogates, which neither HTTP nor PostgreSQL could carry.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise HashtagError(f"the hashtag {text!r} holds half a surrogate pair") from None
    tag = _spelling(text)
    if not tag:
        raise HashtagError(f"the hashtag {text!r} is empty")
    if any(unicodedata.category(character) == "Cc" for character in tag):
        raise HashtagError(f"the hashtag {text!r} holds control characters")
    return tag


def normalise_hashtags(texts: Iterable[str]) -> tuple[str, ...]:
    """Normalise and deduplicate, keeping the first occurrence's place.

    :raises HashtagError: when there are none, or one of them can't be searched.
    """
    tags = tuple(dict.fromkeys(normalise_hashtag(text) for text in texts))
    if not tags:
        raise HashtagError("there is no hashtag to search")
    return tags


def carries(hashtag: str, written: Iterable[str]) -> bool:
    """Whether a normalised hashtag is among tags as they are written on a video."""
    return any(_spelling(tag) == hashtag for tag in written)


def _spelling(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().removeprefix("#").strip().casefold()
