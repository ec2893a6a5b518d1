"""Hashtags as they are searched, stored and compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


class HashtagError(ValueError):
    """A hashtag that can't be searched."""


MIN_TAGGED_SHARE = 0.2
"""Below this share of videos that carry the hashtag, a search has mostly matched other words."""

MIN_TAGGED_SAMPLE = 10
"""Videos from which on that share is judged."""

# Joiners are part of words in Persian and Indic scripts and of composed emoji; skin tones are modifier symbols.
_ALLOWED = frozenset("_\u200c\u200d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
_REFUSED_CATEGORIES = {
    "Z": "white space",
    "P": "punctuation",
    "Sm": "a mathematical sign",
    "Sc": "a currency sign",
    "Sk": "a modifier sign",
    "C": "a control or invisible character",
}


def normalise_hashtag(text: str) -> str:
    """Return the one spelling of a hashtag that TikTok can have; letters, digits and emoji of any script are kept.

    :raises HashtagError: as :func:`spell_hashtag`, and for white space or punctuation other than ``_`` inside the tag.
    """
    tag = spell_hashtag(text)
    for character in tag:
        category = unicodedata.category(character)
        what = _REFUSED_CATEGORIES.get(category, _REFUSED_CATEGORIES.get(category[0]))
        if what and character not in _ALLOWED:
            raise HashtagError(f"the hashtag {text!r} holds {what} ({character!r}); TikTok has no such hashtag")
    return tag


def spell_hashtag(text: str) -> str:
    """Return the spelling in which a hashtag is stored: NFKC, trimmed, one leading ``#`` dropped, casefolded.

    :raises HashtagError: when nothing is left, or when neither HTTP nor PostgreSQL could carry it.
    """
    # str.encode refuses lone surrogates.
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


def spellings(written: Iterable[str]) -> list[str]:
    """Return tags as they are written on a video in the spelling in which hashtags are stored, each once."""
    return [tag for tag in dict.fromkeys(map(_spelling, written)) if tag]


def is_hashtag_rare(tagged_count: int, video_count: int) -> bool:
    """Return whether so few videos of a search carry its hashtag that it has mostly matched other words."""
    return video_count >= MIN_TAGGED_SAMPLE and tagged_count < MIN_TAGGED_SHARE * video_count


def has_hashtag(hashtag: str, written: Iterable[str]) -> bool:
    """Whether a normalised hashtag is among tags as they are written on a video."""
    return any(_spelling(tag) == hashtag for tag in written)


def _spelling(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().removeprefix("#").strip().casefold()
