from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comets.hashtags import HashtagError, carries, normalise_hashtag, normalise_hashtags


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("#GymTok", "gymtok"),
        ("  # gymtok ", "gymtok"),
        ("＃ＧｙｍＴｏｋ", "gymtok"),
        ("##gymtok", "#gymtok"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("#日本語", "日本語"),
        ("#ไทย", "ไทย"),
        ("#مرحبا", "مرحبا"),
        ("🏋️", "🏋️"),
        ("100%_{{ds}}'\\", "100%_{{ds}}'\\"),
    ],
)
def test_a_hashtag_has_one_spelling(written: str, stored: str) -> None:
    assert normalise_hashtag(written) == stored


@pytest.mark.parametrize("written", ["", "   ", "#", " # ", "＃"])
def test_an_empty_hashtag_is_refused(written: str) -> None:
    with pytest.raises(HashtagError, match="empty"):
        normalise_hashtag(written)


@pytest.mark.parametrize("written", ["gym\x00tok", "gym\ntok", "\ud83d"])
def test_what_no_request_could_carry_is_refused(written: str) -> None:
    with pytest.raises(HashtagError):
        normalise_hashtag(written)


def test_spellings_of_one_hashtag_are_searched_once_in_the_first_ones_place() -> None:
    assert normalise_hashtags(["#b", "A", "#a", "B "]) == ("b", "a")


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(HashtagError, match="no hashtag"):
        normalise_hashtags([])


@given(st.text())
def test_any_text_is_either_refused_or_normalised_to_storable_text(text: str) -> None:
    try:
        tag = normalise_hashtag(text)
    except HashtagError:
        return
    assert tag.strip()
    assert "\x00" not in tag
    tag.encode("utf-8")


def test_a_video_carries_a_hashtag_however_it_is_written_there() -> None:
    assert carries("gymtok", ["GymTok", "fyp"])
    assert not carries("gymtok", ["gym", "tok"])
