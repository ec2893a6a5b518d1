from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comets.hashtags import (
    HashtagError,
    has_hashtag,
    is_hashtag_rare,
    normalise_hashtag,
    normalise_hashtags,
    spell_hashtag,
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("#GymTok", "gymtok"),
        ("  # gymtok ", "gymtok"),
        ("＃ＧｙｍＴｏｋ", "gymtok"),
        ("Straße", "strasse"),
        ("#日本語", "日本語"),
        ("🏋️", "🏋️"),
        ("gym_tok_2026", "gym_tok_2026"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("🧑🏽\u200d🚀", "🧑🏽\u200d🚀"),
    ],
)
def test_hashtag_is_normalised(written: str, stored: str) -> None:
    assert normalise_hashtag(written) == stored


@pytest.mark.parametrize("written", ["", " # ", "＃"])
def test_empty_hashtag_is_rejected(written: str) -> None:
    with pytest.raises(HashtagError, match="empty"):
        normalise_hashtag(written)


@pytest.mark.parametrize("written", ["gym\x00tok", "gym\ntok", "\ud83d"])
def test_unsendable_characters_are_rejected(written: str) -> None:
    with pytest.raises(HashtagError):
        normalise_hashtag(written)


@pytest.mark.parametrize(
    "written",
    [
        "#two words",
        "##gymtok",
        "gym-tok",
        "€uro",
        "a\u3000b",
        "a\u202eb",
    ],
)
def test_impossible_hashtag_is_rejected_by_name(written: str) -> None:
    with pytest.raises(HashtagError, match="TikTok has no such hashtag") as caught:
        normalise_hashtag(written)
    assert repr(written) in str(caught.value)


def test_every_invisible_character_but_joiners_is_rejected_by_its_code_point() -> None:
    hidden = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Cf", "Co")]
    for character in sorted({*hidden, "\u202e", "\u200b", "\ufeff", "\u00ad", "\U000e0067"} - set("\u200c\u200d")):
        with pytest.raises(HashtagError, match=rf"U\+{ord(character):04X}\)"):
            normalise_hashtag(f"gym{character}tok")


def test_filter_of_the_page_takes_no_invisible_character() -> None:
    for character in "\u202e\u200b\ufeff\u00ad\x07":
        with pytest.raises(HashtagError, match=rf"U\+{ord(character):04X}\)"):
            spell_hashtag(f"gym{character}tok")
    assert spell_hashtag("می\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize("written", ["\u200d", "#\u200c\u200d"])
def test_hashtag_of_joiners_alone_is_rejected(written: str) -> None:
    with pytest.raises(HashtagError, match="joiners only"):
        normalise_hashtag(written)


@pytest.mark.parametrize(
    ("tagged", "videos", "is_rare"), [(1, 10, True), (2, 10, False), (0, 9, False), (19, 100, True)]
)
def test_hashtag_is_rare_below_a_fifth_of_the_videos(tagged: int, videos: int, is_rare: bool) -> None:
    assert is_hashtag_rare(tagged, videos) is is_rare


def test_duplicate_hashtags_are_dropped_in_order() -> None:
    assert normalise_hashtags(["#b", "A", "#a", "B "]) == ("b", "a")


def test_empty_list_is_rejected() -> None:
    with pytest.raises(HashtagError, match="no hashtag"):
        normalise_hashtags([])


@settings(max_examples=100)
@given(st.text())
def test_any_text_is_rejected_or_normalised_to_storable_text(text: str) -> None:
    try:
        tag = normalise_hashtag(text)
    except HashtagError:
        return
    assert tag.strip()
    assert "\x00" not in tag
    tag.encode("utf-8")


def test_hashtag_is_found_on_a_video_in_any_spelling() -> None:
    assert has_hashtag("gymtok", ["GymTok", "fyp"])
    assert not has_hashtag("gymtok", ["gym", "tok"])
