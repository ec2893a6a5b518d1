from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comets.hashtags import HashtagError, has_hashtag, is_hashtag_rare, normalise_hashtag, normalise_hashtags


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
def test_a_hashtag_has_one_spelling(written: str, stored: str) -> None:
    assert normalise_hashtag(written) == stored


@pytest.mark.parametrize("written", ["", " # ", "＃"])
def test_an_empty_hashtag_is_refused(written: str) -> None:
    with pytest.raises(HashtagError, match="empty"):
        normalise_hashtag(written)


@pytest.mark.parametrize("written", ["gym\x00tok", "gym\ntok", "\ud83d"])
def test_what_no_request_could_carry_is_refused(written: str) -> None:
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
def test_a_hashtag_that_tiktok_cannot_have_is_refused_by_name(written: str) -> None:
    with pytest.raises(HashtagError, match="TikTok has no such hashtag") as refusal:
        normalise_hashtag(written)
    assert repr(written) in str(refusal.value)


@pytest.mark.parametrize(("tagged", "videos", "is_so"), [(1, 10, True), (2, 10, False), (0, 9, False), (19, 100, True)])
def test_a_search_is_rarely_carried_below_a_fifth_of_its_videos(tagged: int, videos: int, is_so: bool) -> None:
    assert is_hashtag_rare(tagged, videos) is is_so


def test_spellings_of_one_hashtag_are_searched_once_in_the_first_ones_place() -> None:
    assert normalise_hashtags(["#b", "A", "#a", "B "]) == ("b", "a")


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(HashtagError, match="no hashtag"):
        normalise_hashtags([])


@settings(max_examples=100)
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
    assert has_hashtag("gymtok", ["GymTok", "fyp"])
    assert not has_hashtag("gymtok", ["gym", "tok"])
