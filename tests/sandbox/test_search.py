"""Video search as the official SDK sees it."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from tikhub import TikHub, TikHubBadRequestError

from include.sandbox.client import SandboxClient

from .conftest import DATE
from .searching import all_rows, all_videos, comets, pages

NOW = datetime.fromisoformat(DATE).timestamp()
SEARCH = "/api/v1/tiktok/app/v3/fetch_video_search_result"
DEMO_HASHTAGS = ("streetinterviews", "cozygaming", "gymtok")


def test_paging_ends_and_the_cursor_counts_offsets_not_rows(sdk: TikHub) -> None:
    found = list(pages(sdk, "gymtok", count=20))
    assert [page["cursor"] for page in found] == [20 * number for number in range(1, len(found) + 1)]
    assert [page["has_more"] for page in found] == [1] * (len(found) - 1) + [0]
    assert sum(len(page["search_item_list"]) for page in found) < found[-1]["cursor"]
    assert min(len(page["search_item_list"]) for page in found[:-1]) in (19, 20)


def test_beyond_the_end_there_is_an_empty_page(sdk: TikHub) -> None:
    page = sdk.tiktok_app_v3.fetch_video_search_result(keyword="gymtok", offset=1000)["data"]
    assert page["search_item_list"] == []
    assert page["has_more"] == 0
    assert page["cursor"] == 1020


def test_the_page_size_does_not_change_what_is_found(sdk: TikHub) -> None:
    by_twenty, by_six = all_rows(sdk, "cozygaming", count=20), all_rows(sdk, "cozygaming", count=6)
    assert by_twenty == by_six


def test_rows_are_wrapped_beside_an_empty_aweme_list(sdk: TikHub) -> None:
    page = next(pages(sdk, "gymtok"))
    assert page["aweme_list"] == []
    assert page["status_code"] == 0
    video = next(row["aweme_info"] for row in page["search_item_list"] if "aweme_info" in row)
    assert int(video["aweme_id"]) >> 32 == video["create_time"]
    assert video["author_user_id"] == int(video["author"]["uid"])


def test_search_authors_lack_what_only_a_profile_gives(sdk: TikHub) -> None:
    authors = [video["author"] for video in all_videos(sdk, "gymtok").values()]
    assert {author["aweme_count"] for author in authors} == {0}
    assert {author["total_favorited"] for author in authors} == {0}
    assert not any("signature" in author for author in authors)


def test_some_follower_counts_are_missing_or_zero(sdk: TikHub) -> None:
    authors = [video["author"] for tag in DEMO_HASHTAGS for video in all_videos(sdk, tag).values()]
    assert any("follower_count" not in author for author in authors)
    assert any(author.get("follower_count") == 0 for author in authors)


def test_the_sample_keeps_its_missing_and_zero_follower_counts(sdk: TikHub) -> None:
    missing = [video["author"] for video in all_videos(sdk, "giaiphongmiennam").values()]
    assert any("follower_count" not in author for author in missing)


def test_pages_repeat_earlier_videos_and_hold_a_card_that_is_no_video(sdk: TikHub) -> None:
    rows = all_rows(sdk, "gymtok")
    ids = Counter(row["aweme_info"]["aweme_id"] for row in rows if "aweme_info" in row)
    assert max(ids.values()) > 1
    assert any("aweme_info" not in row for row in rows)


def test_the_envelope_echoes_params_as_text_and_tells_the_virtual_time(sdk: TikHub) -> None:
    envelope = sdk.tiktok_app_v3.fetch_video_search_result(keyword="日本 #x", count=5, publish_time=7, region="JP")
    assert envelope["params"] == {"keyword": "日本 #x", "count": "5", "publish_time": "7", "region": "JP"}
    assert envelope["time_stamp"] == NOW
    assert envelope["time"] == "2026-02-28 18:00:00"
    assert envelope["router"] == "/api/v1/tiktok/app/v3/fetch_video_search_result"
    assert "sign=" in envelope["cache_url"]


@pytest.mark.parametrize("days", [1, 7, 30, 90, 180])
def test_publish_time_filters_but_lets_one_older_video_slip(sdk: TikHub, days: int) -> None:
    earliest = NOW - timedelta(days=days).total_seconds()
    published = [video["create_time"] for video in all_videos(sdk, "streetinterviews", publish_time=days).values()]
    assert sum(moment < earliest for moment in published) <= 1
    assert sum(moment >= earliest for moment in published) >= 1


def test_region_orders_the_results_and_sort_type_1_puts_likes_first(sdk: TikHub) -> None:
    us, jp = all_videos(sdk, "gymtok", region="US"), all_videos(sdk, "gymtok", region="JP")
    assert us.keys() == jp.keys()
    assert list(us) != list(jp)
    likes = [video["statistics"]["digg_count"] for video in all_videos(sdk, "gymtok", sort_type=1).values()]
    assert likes == sorted(likes, reverse=True)


def test_a_missing_keyword_is_a_422_whose_detail_is_a_list(sandbox: SandboxClient, sdk: TikHub) -> None:
    with pytest.raises(TikHubBadRequestError) as error:
        sdk._request("GET", SEARCH, params={"count": "many"})
    assert error.value.status_code == 422
    detail = error.value.response_body["detail"]
    assert [problem["loc"] for problem in detail] == [["query", "keyword"], ["query", "count"]]
    assert all(set(problem) == {"loc", "msg", "type"} for problem in detail)
    assert sandbox.calls()[-1] | {"number": 0} == {
        "number": 0,
        "route": "fetch_video_search_result",
        "path": "/api/v1/tiktok/app/v3/fetch_video_search_result",
        "params": {"count": "many"},
        "status": 422,
        "billed": False,
    }


@pytest.mark.parametrize("params", [{"keyword": " "}, {"publish_time": 5}, {"offset": -1}, {"count": 0}])
def test_a_senseless_value_is_an_ambiguous_400(sdk: TikHub, params: dict[str, str | int]) -> None:
    with pytest.raises(TikHubBadRequestError) as error:
        sdk._request("GET", SEARCH, params={"keyword": "gymtok"} | params)
    assert error.value.status_code == 400


@pytest.mark.parametrize("hashtag", DEMO_HASHTAGS)
def test_a_demo_hashtag_holds_enough_comets_among_others(sdk: TikHub, hashtag: str) -> None:
    videos = all_videos(sdk, hashtag)
    found = comets(videos)
    assert 8 <= len(found) <= 15
    assert len({video["author"]["uid"] for video in videos.values()} - found) > 15


def test_demo_hashtags_share_comets_and_videos(sdk: TikHub) -> None:
    first, second, third = (all_videos(sdk, tag) for tag in DEMO_HASHTAGS)
    assert first.keys() & second.keys()
    assert second.keys() & third.keys()
    assert comets(first) & comets(second) & comets(third)
    assert len(comets(first) | comets(second) | comets(third)) >= 20


@pytest.mark.parametrize(
    "hashtag", ["北京", "베트남", "เวียดนาม", "شارع", "Straße", "đàlạt", "ひらがな", "🎮🎮", "with space", "x" * 200]
)
def test_a_hashtag_in_any_script_finds_comets(sdk: TikHub, hashtag: str) -> None:
    videos = all_videos(sdk, hashtag)
    tags = [tag["hashtag_name"] for video in videos.values() for tag in video["text_extra"]]
    assert len(comets(videos)) >= 6
    assert tags.count(hashtag.casefold().replace(" ", "")) > 20


def test_any_two_hashtags_share_a_comet(sdk: TikHub) -> None:
    first, second = all_videos(sdk, "one of a kind"), all_videos(sdk, "شيء آخر")
    assert first.keys() & second.keys()
    assert comets(first) & comets(second)


@pytest.mark.parametrize("spelling", ["#GymTok", " gymtok ", "ｇｙｍｔｏｋ"])
def test_spellings_of_a_hashtag_find_the_same(sdk: TikHub, spelling: str) -> None:
    assert all_rows(sdk, spelling) == all_rows(sdk, "gymtok")


def test_a_hashtag_of_the_sample_finds_its_videos_among_generated_ones(sdk: TikHub) -> None:
    videos = all_videos(sdk, "XuHuong")
    from_the_sample = [video for video in videos.values() if "cdn.example.com" in str(video["author"]["avatar_thumb"])]
    assert 60 <= len(from_the_sample) < len(videos)


def test_some_results_do_not_carry_the_hashtag(sdk: TikHub) -> None:
    videos = all_videos(sdk, "gymtok").values()
    untagged = [video for video in videos if "gymtok" not in {tag["hashtag_name"] for tag in video["text_extra"]}]
    assert 0 < len(untagged) < len(videos) / 3
