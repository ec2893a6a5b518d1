"""Searches, profiles, account and errors as the official SDK reads them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from tikhub import TikHub, TikHubBadRequestError, TikHubRateLimitError

from include.sandbox.client import SandboxClient

from .conftest import DATE, KEY
from .searching import SEARCH, all_rows, all_videos, find_author, pages, profile, search


def test_paging_ends_and_cursor_counts_offsets_not_rows(sdk: TikHub) -> None:
    found = list(pages(sdk, "gymtok", count=20))
    assert [page["cursor"] for page in found] == [20 * number for number in range(1, len(found) + 1)]
    assert [page["has_more"] for page in found] == [1] * (len(found) - 1) + [0]
    assert sum(len(page["search_item_list"]) for page in found) < found[-1]["cursor"]
    beyond = search(sdk, offset=1000)
    assert (beyond["search_item_list"], beyond["has_more"], beyond["cursor"]) == ([], 0, 1020)


def test_page_size_does_not_change_results(sdk: TikHub) -> None:
    assert all_rows(sdk, "cozygaming", count=20) == all_rows(sdk, "cozygaming", count=6)


def test_rows_include_repeats_and_a_non_video_card(sdk: TikHub) -> None:
    assert search(sdk)["aweme_list"] == []
    rows = all_rows(sdk, "gymtok")
    ids = Counter(row["aweme_info"]["aweme_id"] for row in rows if "aweme_info" in row)
    assert max(ids.values()) > 1
    assert any("aweme_info" not in row for row in rows)


def test_search_authors_lack_profile_fields(sdk: TikHub) -> None:
    authors = [video["author"] for video in all_videos(sdk, "gymtok").values()]
    authors += [video["author"] for video in all_videos(sdk, "cozygaming").values()]
    assert {(author["aweme_count"], author["total_favorited"]) for author in authors} == {(0, 0)}
    assert not any("signature" in author for author in authors)
    assert any("follower_count" not in author for author in authors)
    hidden = next(author for author in authors if author.get("follower_count") == 0)
    user = profile(sdk, user_id=hidden["uid"])
    assert 10_000 <= user["follower_count"] <= 100_000
    assert min(user["aweme_count"], user["total_favorited"]) > 0


def test_publish_time_filter_misses_one_older_video(sdk: TikHub) -> None:
    earliest = datetime.fromisoformat(DATE).timestamp() - 30 * 86_400
    published = [video["create_time"] for video in all_videos(sdk, "streetinterviews", publish_time=30).values()]
    assert sum(moment < earliest for moment in published) == 1 < len(published)


def test_region_orders_the_results(sdk: TikHub) -> None:
    us, jp = all_videos(sdk, "gymtok", region="US"), all_videos(sdk, "gymtok", region="JP")
    assert us.keys() == jp.keys()
    assert list(us) != list(jp)


def test_envelope_echoes_params_as_text_and_the_set_time(sdk: TikHub) -> None:
    envelope = sdk.tiktok_app_v3.fetch_video_search_result(keyword="日本 #x", count=5, publish_time=7, region="JP")
    assert envelope["params"] == {"keyword": "日本 #x", "count": "5", "publish_time": "7", "region": "JP"}
    assert envelope["time_stamp"] == datetime.fromisoformat(DATE).timestamp()
    assert envelope["time"] == "2026-02-28 18:00:00"
    assert envelope["router"] == SEARCH
    assert "sign=" in envelope["cache_url"]


def test_each_identifier_leads_to_the_same_profile(sdk: TikHub) -> None:
    author = find_author(sdk)
    user = profile(sdk, user_id=author["uid"])
    assert user == profile(sdk, sec_user_id=author["sec_uid"]) == profile(sdk, unique_id=author["unique_id"])
    assert (user["uid"], user["follower_count"]) == (author["uid"], author["follower_count"])


@pytest.mark.parametrize(
    "identifier",
    [
        {"user_id": "7000000000000000000"},
        {"user_id": "x"},
        {"sec_user_id": "MS4wLjABAAAA" + "é" * 64},
        {"unique_id": "no.such.creator"},
        {"unique_id": "amberacorn999"},
        {},
    ],
)
def test_unknown_account_is_an_ambiguous_400(sandbox: SandboxClient, sdk: TikHub, identifier: dict[str, str]) -> None:
    with pytest.raises(TikHubBadRequestError) as error:
        profile(sdk, **identifier)
    assert error.value.status_code == 400
    assert "try again" in error.value.response_body["detail"]["message"]
    assert (sandbox.calls()[-1]["status"], sandbox.calls()[-1]["billed"]) == (400, False)


def test_account_route_is_free_and_has_no_data(sandbox: SandboxClient, sdk: TikHub) -> None:
    answer = sdk.tikhub_user.get_user_info()
    assert "data" not in answer
    assert {"balance", "free_credit", "email"} <= answer["user_data"].keys()
    assert sandbox.calls()[-1]["billed"] is False


def test_calls_are_listed(sandbox: SandboxClient, sdk: TikHub) -> None:
    sdk.tikhub_user.get_user_info()
    search(sdk, count=5)
    assert sandbox.calls("fetch_video_search_result") == [
        {
            "number": 2,
            "route": "fetch_video_search_result",
            "path": SEARCH,
            "params": {"keyword": "gymtok", "count": "5"},
            "status": 200,
            "billed": True,
        }
    ]
    sandbox.clear_calls()
    assert sandbox.calls() == []


@pytest.mark.parametrize("header", [{}, {"Authorization": f"Token {KEY}"}])
def test_missing_key_is_a_401_that_echoes_headers(sandbox: SandboxClient, header: dict[str, str]) -> None:
    answer = httpx.get(sandbox.url + SEARCH, params={"keyword": "x"}, headers=header)
    detail = answer.json()["detail"]
    assert answer.status_code == detail["code"] == 401
    assert detail["headers"].get("authorization", "") == header.get("Authorization", "")


def test_missing_keyword_is_a_422_with_a_list_of_details(sdk: TikHub) -> None:
    with pytest.raises(TikHubBadRequestError) as error:
        sdk._request("GET", SEARCH, params={"count": "many"})
    assert error.value.status_code == 422
    assert [problem["loc"] for problem in error.value.response_body["detail"]] == [
        ["query", "keyword"],
        ["query", "count"],
    ]


def repeat(call: Callable[[], object], times: int) -> None:
    """Call a function several times."""
    for _ in range(times):
        call()


def test_rate_limit_is_per_route(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_rate_limit(1)
    sdk.tikhub_user.get_user_info()
    with pytest.raises(TikHubRateLimitError) as error:
        repeat(sdk.tikhub_user.get_user_info, 50)
    assert error.value.retry_after == 1
    search(sdk)
    sandbox.set_rate_limit(None)
    repeat(sdk.tikhub_user.get_user_info, 5)
