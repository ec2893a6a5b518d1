"""Normalisation, validation and comparison of hashtags."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


class HashtagError(ValueError):
    """A hashtag that can't be searched."""


MIN_TAGGED_SHARE = 0.2
"""Below this share of videos with the hashtag, a search mostly matched other words."""

MIN_TAGGED_SAMPLE = 10
"""Minimum number of videos for which that share is meaningful."""

# Joiners occur in Persian and Indic words and in composed emoji; skin tones are modifier symbols.
_JOINERS = "\u200c\u200d"
_ALLOWED = frozenset(f"_{_JOINERS}\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
_INVALID_CATEGORIES = {
    "Z": "white space",
    "P": "punctuation",
    "Sm": "a mathematical sign",
    "Sc": "a currency sign",
    "Sk": "a modifier sign",
    "Cf": "an invisible format character",
    "Co": "a private-use character",
    "Cn": "an unassigned character",
}


def normalise_hashtag(text: str) -> str:
    """Return the normalised form of a hashtag; letters, digits and emoji of any script are kept.

    :raises HashtagError: as in :func:`spell_hashtag`, and for white space, punctuation other than ``_`` and format
        characters other than joiners in the tag; the text names the code point.
    """
    tag = spell_hashtag(text)
    if not tag.strip(_JOINERS):
        raise HashtagError(f"the hashtag {text!r} contains joiners only; TikTok has no such hashtag")
    for character in tag:
        category = unicodedata.category(character)
        kind = _INVALID_CATEGORIES.get(category, _INVALID_CATEGORIES.get(category[0]))
        if kind and character not in _ALLOWED:
            found = f"{kind} ({character!r}, U+{ord(character):04X})"
            raise HashtagError(f"the hashtag {text!r} contains {found}; TikTok has no such hashtag")
    return tag


def spell_hashtag(text: str) -> str:
    """Return a hashtag as it is stored: NFKC, trimmed, one leading ``#`` dropped, casefolded.

    :raises HashtagError: nothing is left, or it contains control or invisible characters other than joiners.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise HashtagError(f"the hashtag {text!r} contains half a surrogate pair") from None
    tag = _spelling(text)
    if not tag:
        raise HashtagError(f"the hashtag {text!r} is empty")
    for character in tag:
        if unicodedata.category(character) in {"Cc", "Cf"} and character not in _JOINERS:
            found = f"an invisible character ({character!r}, U+{ord(character):04X})"
            raise HashtagError(f"the hashtag {text!r} contains {found}; TikTok has no such hashtag")
    return tag


def normalise_hashtags(texts: Iterable[str]) -> tuple[str, ...]:
    """Return normalised hashtags without duplicates, in the order of their first occurrence.

    :raises HashtagError: there are none, or one of them can't be searched.
    """
    tags = tuple(dict.fromkeys(normalise_hashtag(text) for text in texts))
    if not tags:
        raise HashtagError("there is no hashtag to search")
    return tags


def spell_video_hashtags(tags: Iterable[str]) -> list[str]:
    """Return the tags of a video as they are stored, without duplicates; unlike params they are not validated."""
    return [tag for tag in dict.fromkeys(map(_spelling, tags)) if tag]


def is_hashtag_rare(tagged_count: int, video_count: int) -> bool:
    """Return whether too few videos of a search carry its hashtag, so that it mostly matched other words."""
    return video_count >= MIN_TAGGED_SAMPLE and tagged_count < MIN_TAGGED_SHARE * video_count


def has_hashtag(hashtag: str, tags: Iterable[str]) -> bool:
    """Return whether the tags of a video include a normalised hashtag."""
    return any(_spelling(tag) == hashtag for tag in tags)


def _spelling(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().removeprefix("#").strip().casefold()
