"""Parsing of the fields of TikHub's responses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from comets.tikhub.models import Profile, Video, VideoPage
from comets.tikhub.parsing import (
    MAX_RAW_JSON_CHARS,
    UnreadableResponseError,
    parse_observed_at,
    parse_profile,
    parse_video_page,
)
from comets.values import MAX_COUNT, MAX_ID_CHARS, parse_count, parse_id

OBSERVED_AT = datetime(2026, 3, 1, 2, tzinfo=UTC)

AUTHOR: dict[str, Any] = {
    "uid": "7011223344556677889",
    "sec_uid": "MS4wLjABAAAAsample",
    "unique_id": "clay.sample",
    "nickname": "Clay Sample",
    "follower_count": 28000,
    "aweme_count": 0,
    "total_favorited": 0,
    "avatar_thumb": {"url_list": ["https://cdn.example/thumb"]},
    "avatar_medium": {"url_list": ["https://cdn.example/medium"]},
    "avatar_larger": {"url_list": ["https://cdn.example/larger"]},
}
AWEME: dict[str, Any] = {
    "aweme_id": "7500000000000000001",
    "desc": "glaze day #pottery",
    "create_time": 1769800000,
    "author_user_id": 42,
    "text_extra": [{"hashtag_name": "pottery"}, {"user_id": "1"}, {"hashtag_name": "Clay"}],
    "cha_list": [{"cha_name": "pottery"}, {"cha_name": "handmade"}],
    "statistics": {
        "play_count": 112000,
        "digg_count": 14000,
        "comment_count": 89,
        "share_count": 398,
        "collect_count": 1093,
    },
    "author": AUTHOR,
}
USER: dict[str, Any] = AUTHOR | {
    "signature": "pots",
    "follower_count": 28150,
    "aweme_count": 212,
    "total_favorited": 910000,
    "favoriting_count": 5400,
}


def page_of(*cards: Any, offset: int = 0, **fields: Any) -> VideoPage:
    return parse_video_page({"search_item_list": list(cards)} | fields, offset=offset, observed_at=OBSERVED_AT)


def video(**changes: Any) -> Video:
    page = page_of({"aweme_info": AWEME | changes})
    assert not page.rejected
    return page.videos[0]


def author(**changes: Any) -> Any:
    return video(author=AUTHOR | changes).author


def profile(**changes: Any) -> Profile:
    return parse_profile({"user": USER | changes}, observed_at=OBSERVED_AT)


def test_video_and_author_are_parsed() -> None:
    assert video().model_dump() == {
        "video_id": "7500000000000000001",
        "published_at": datetime(2026, 1, 30, 19, 6, 40, tzinfo=UTC),
        "caption": "glaze day #pottery",
        "hashtags": ("pottery", "Clay", "handmade"),
        "play_count": 112000,
        "like_count": 14000,
        "comment_count": 89,
        "share_count": 398,
        "save_count": 1093,
        "author": {
            "user_id": "7011223344556677889",
            "sec_uid": "MS4wLjABAAAAsample",
            "handle": "clay.sample",
            "nickname": "Clay Sample",
            "avatar_url": "https://cdn.example/larger",
            "signature": None,
            "follower_count": 28000,
        },
        "item_position": 0,
    }


def test_profile_is_parsed() -> None:
    assert profile().model_dump() == {
        "user_id": "7011223344556677889",
        "sec_uid": "MS4wLjABAAAAsample",
        "handle": "clay.sample",
        "nickname": "Clay Sample",
        "avatar_url": "https://cdn.example/larger",
        "signature": "pots",
        "follower_count": 28150,
        "heart_count": 910000,
        "video_count": 212,
        "observed_at": OBSERVED_AT,
    }


@pytest.mark.parametrize("data", [USER, USER | {"user": None}, USER | {"user": {}}, USER | {"user": "x"}])
def test_profile_directly_in_the_data_is_parsed(data: dict[str, Any]) -> None:
    assert parse_profile(data, observed_at=OBSERVED_AT) == profile()


@pytest.mark.parametrize("uid", [None, "0", -5, []])
def test_response_without_account_is_unreadable(uid: Any) -> None:
    with pytest.raises(UnreadableResponseError, match="no account"):
        profile(uid=uid)


def test_zero_and_empty_are_known_in_a_profile() -> None:
    known = profile(follower_count=0, total_favorited=0, aweme_count=0, signature="")
    assert (known.follower_count, known.heart_count, known.video_count, known.signature) == (0, 0, 0, "")


def test_missing_values_are_unknown_in_a_profile() -> None:
    unknown = profile(follower_count=None, total_favorited=None, aweme_count=None, signature=None)
    assert (unknown.follower_count, unknown.heart_count, unknown.video_count, unknown.signature) == (None,) * 4


def test_zero_followers_and_empty_signature_are_unknown_in_search() -> None:
    for count in (0, "0", None, -1):
        assert author(follower_count=count).follower_count is None
    for signature in ("", "  ", None, 5):
        assert author(signature=signature).signature is None
    assert author(signature="pots").signature == "pots"


NO_OBJECTS: list[Any] = [None, [], "x", {}]

COUNTS: list[tuple[Any, int | None]] = [
    (5, 5),
    ("5", 5),
    (" 5 ", 5),
    (5.0, 5),
    (MAX_COUNT, MAX_COUNT),
    (MAX_COUNT + 1, None),
    ("9" * 5000, None),
    ("0" * 5000 + "7", 7),
    (-1, None),
    ("-1", None),
    (5.5, None),
    (float("inf"), None),
    (float("nan"), None),
    ("5k", None),
    ("1,000", None),
    ("٣", None),
    ("", None),
    (True, None),
    (None, None),
    ([5], None),
]


@pytest.mark.parametrize(("value", "expected"), COUNTS, ids=lambda value: repr(value)[:20])
def test_count_is_a_whole_number_or_unknown(value: Any, expected: int | None) -> None:
    assert parse_count(value) == expected
    assert type(parse_count(value)) is type(expected)
    assert video(statistics={"play_count": value}).play_count == expected
    assert profile(total_favorited=value).heart_count == expected


IDS: list[tuple[Any, str | None]] = [
    ("7011223344556677889", "7011223344556677889"),
    (" 7011223344556677889\n", "7011223344556677889"),
    (7011223344556677889, "7011223344556677889"),
    ("o'\"\\%s{{x}}; drop table", "o'\"\\%s{{x}}; drop table"),
    ("a\x00b", "a\ufffdb"),
    ("\ud800", "\ufffd"),
    ("x" * MAX_ID_CHARS, "x" * MAX_ID_CHARS),
    ("x" * (MAX_ID_CHARS + 1), None),
    ("", None),
    ("0", None),
    (-1, None),
    (10**400, None),
    (True, None),
    (7.0, None),
    (None, None),
    (["7"], None),
]


@pytest.mark.parametrize(("value", "expected"), IDS, ids=lambda value: ascii(value)[:20])
def test_id_is_text_or_missing(value: Any, expected: str | None) -> None:
    assert parse_id(value) == expected
    assert author(sec_uid=value).sec_uid == expected


def test_author_id_falls_back_to_that_of_the_video() -> None:
    for changes in ({"uid": None}, {"uid": "0"}, {"uid": ""}):
        assert author(**changes).user_id == "42"
    assert {video(author=value).author.user_id for value in NO_OBJECTS} == {"42"}


REJECTED: list[tuple[Any, str]] = [
    (5, "not_a_video"),
    ({}, "not_a_video"),
    ({"type": 4, "user_list": []}, "not_a_video"),
    ({"aweme_info": {}}, "not_a_video"),
    (AWEME, "not_a_video"),
    ({"aweme_info": AWEME | {"aweme_id": None}}, "no_video_id"),
    ({"aweme_info": AWEME | {"aweme_id": "0"}}, "no_video_id"),
    ({"aweme_info": AWEME | {"author": None, "author_user_id": 0}}, "no_author_id"),
    ({"aweme_info": AWEME | {"author": {"unique_id": "x"}, "author_user_id": None}}, "no_author_id"),
]


@pytest.mark.parametrize(("card", "reason"), REJECTED, ids=lambda value: ascii(value)[:30])
def test_item_without_id_is_rejected_and_stored(card: Any, reason: str) -> None:
    page = page_of({"aweme_info": AWEME}, card)
    assert (page.received_count, len(page.videos)) == (2, 1)
    [item] = page.rejected
    assert (item.item_position, item.reason) == (1, reason)
    assert json.loads(item.raw_json or "") == card


def test_rejected_item_is_stored_as_ascii_of_limited_length() -> None:
    page = page_of({"caption": "\x00 \ud800 é 😀"}, {"caption": "x" * 10**6})
    assert page.rejected[0].raw_json == r'{"caption": "\u0000 \ud800 \u00e9 \ud83d\ude00"}'
    assert len(page.rejected[1].raw_json or "") == MAX_RAW_JSON_CHARS


def test_too_deeply_nested_item_is_rejected() -> None:
    card: Any = []
    for _ in range(100_000):
        card = [card]
    page = page_of(card)
    assert [item.reason for item in page.rejected] == ["not_a_video"]


def test_items_keep_their_positions() -> None:
    page = page_of(None, {"aweme_info": AWEME}, {}, {"aweme_info": AWEME})
    assert [item.item_position for item in page.videos] == [1, 3]
    assert [item.item_position for item in page.rejected] == [0, 2]
    assert page.received_count == 4


@pytest.mark.parametrize("fields", [{}, {"search_item_list": None}, {"search_item_list": [], "aweme_list": []}])
def test_missing_items_are_an_empty_page(fields: dict[str, Any]) -> None:
    page = parse_video_page(fields, offset=0, observed_at=OBSERVED_AT)
    assert (page.received_count, page.videos, page.rejected) == (0, (), ())
    assert (page.has_more, page.cursor, page.next_offset) == (None, None, None)


@pytest.mark.parametrize("items", [{}, "x", 0])
def test_items_that_are_not_a_list_are_unreadable(items: Any) -> None:
    with pytest.raises(UnreadableResponseError, match="not a list"):
        parse_video_page({"search_item_list": items}, offset=0, observed_at=OBSERVED_AT)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        ("1", True),
        ("true", True),
        (" True ", True),
        (0, False),
        ("0", False),
        ("false", False),
        (None, None),
        ("", None),
        ("maybe", None),
    ],
)
def test_has_more_is_parsed_in_all_forms(value: Any, expected: bool | None) -> None:
    assert page_of(has_more=value).has_more is expected
    assert page_of(hasMore=value).has_more is expected


@pytest.mark.parametrize(
    ("cursor", "read", "next_offset"),
    [
        (40, 40, 40),
        ("40", 40, 40),
        (20, 20, None),
        (0, 0, None),
        (-1, None, None),
        (None, None, None),
        ("next", None, None),
        (2**31 - 1, 2**31 - 1, 2**31 - 1),
        (2**31, None, None),
        (True, None, None),
    ],
)
def test_next_offset_is_greater_than_the_offset_or_none(cursor: Any, read: int | None, next_offset: int | None) -> None:
    page = page_of(offset=20, cursor=cursor)
    assert (page.offset, page.cursor, page.next_offset) == (20, read, next_offset)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1769800000, datetime(2026, 1, 30, 19, 6, 40, tzinfo=UTC)),
        (946684800, datetime(2000, 1, 1, tzinfo=UTC)),
        (946684799, None),
        (4102444799, datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (4102444800, None),
        (1769800000000, None),
        (-1, None),
        (10**18, None),
        (1769800000.5, None),
        (None, None),
        (True, None),
    ],
)
def test_published_at_is_plausible_or_unknown(value: Any, expected: datetime | None) -> None:
    assert video(create_time=value).published_at == expected


@pytest.mark.parametrize("value", [None, 0, True, "soon", 1769907909000, 1769907909.5])
def test_invalid_time_stamp_is_replaced_by_the_clock(value: Any) -> None:
    before = datetime.now(UTC)
    assert before <= parse_observed_at({"time_stamp": value}) <= datetime.now(UTC)


def test_time_stamp_more_than_a_day_ahead_is_ignored_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    now = datetime.now(UTC)
    for hours, is_used in ((23, True), (25, False)):
        observed_at = parse_observed_at({"time_stamp": int((now + timedelta(hours=hours)).timestamp())})
        assert (observed_at > now + timedelta(hours=22)) is is_used
    assert caplog.text.count("is in the future: using this machine's clock") == 1


@pytest.mark.parametrize(
    ("text_extra", "cha_list", "expected"),
    [
        (None, None, None),
        ([], None, ()),
        (None, [], ()),
        ([{"hashtag_name": ""}, {"hashtag_name": None}, {}, None, 5], [{"cha_name": 7}], ()),
        ([{"hashtag_name": "a"}], None, ("a",)),
        ([{"hashtag_name": "a"}, {"hashtag_name": "b"}], [{"cha_name": "b"}, {"cha_name": "A"}], ("a", "b", "A")),
        ([{"hashtag_name": "\ud800\x00"}], None, ("\ufffd\ufffd",)),
    ],
)
def test_hashtags_come_from_both_lists_or_are_unknown(
    text_extra: Any, cha_list: Any, expected: tuple[str, ...] | None
) -> None:
    assert video(text_extra=text_extra, cha_list=cha_list).hashtags == expected


@pytest.mark.parametrize(
    ("avatars", "expected"),
    [
        ({"avatar_larger": None}, "https://cdn.example/medium"),
        ({"avatar_larger": {"url_list": []}, "avatar_medium": {"url_list": [""]}}, "https://cdn.example/thumb"),
        ({"avatar_larger": {"url_list": [None, 5, "", "second", "third"]}}, "second"),
        ({"avatar_larger": "x", "avatar_medium": {"url_list": "x"}, "avatar_thumb": {"url_list": {}}}, None),
    ],
)
def test_avatar_is_the_first_url_of_the_largest_size(avatars: dict[str, Any], expected: str | None) -> None:
    assert author(**avatars).avatar_url == expected
    assert profile(**avatars).avatar_url == expected


def test_text_keeps_all_storable_characters() -> None:
    hostile = 'O\'Neil \\ "%s" {{ x }} <b> 😀 --; drop table creators'
    assert video(desc=hostile).caption == hostile
    assert author(nickname=hostile).nickname == hostile
    assert author(nickname="a\x00b\ud83dc").nickname == "a\ufffdb\ufffdc"
    assert profile(signature="\udc00").signature == "\ufffd"


def test_empty_caption_is_known_and_missing_one_is_not() -> None:
    assert video(desc="").caption == ""
    assert video(desc=None).caption is None
    assert video(desc=["x"]).caption is None


def test_empty_name_is_unknown() -> None:
    empty = author(nickname="", unique_id="", sec_uid="")
    assert (empty.nickname, empty.handle, empty.sec_uid) == (None, None, None)


def test_video_without_statistics_has_unknown_counts() -> None:
    for value in NO_OBJECTS:
        bare = video(statistics=value)
        assert {bare.play_count, bare.like_count, bare.comment_count, bare.share_count, bare.save_count} == {None}
