"""Fault rules as the official SDK and a plain HTTP client see them."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tikhub import (
    TikHub,
    TikHubAuthError,
    TikHubBadRequestError,
    TikHubConnectionError,
    TikHubHTTPError,
    TikHubNotFoundError,
    TikHubPermissionError,
    TikHubRateLimitError,
    TikHubServerError,
    TikHubTimeoutError,
    TikHubUpstreamError,
)

from include.sandbox.client import SandboxClient

from .conftest import KEY
from .searching import SEARCH, find_author, profile, search


def get(sandbox: SandboxClient) -> httpx.Response:
    """Search without the SDK."""
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.get(sandbox.url + SEARCH, params={"keyword": "gymtok"}, headers=headers)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (400, TikHubBadRequestError),
        (401, TikHubAuthError),
        (402, TikHubHTTPError),
        (403, TikHubPermissionError),
        (404, TikHubNotFoundError),
        (405, TikHubHTTPError),
        (422, TikHubBadRequestError),
        (429, TikHubRateLimitError),
        (500, TikHubServerError),
        (502, TikHubUpstreamError),
        (503, TikHubUpstreamError),
    ],
)
def test_every_status_has_the_body_of_the_real_api(
    sandbox: SandboxClient, sdk: TikHub, status: int, error_class: type[TikHubHTTPError]
) -> None:
    sandbox.set_faults({"fault": "status", "status": status})
    with pytest.raises(error_class) as error:
        search(sdk)
    assert type(error.value) is error_class
    assert error.value.status_code == status
    detail = error.value.response_body["detail"]
    assert isinstance(detail, {404: str, 405: str, 422: list}.get(status, dict))
    if isinstance(detail, dict):
        assert detail["headers"]["authorization"] == f"Bearer {KEY}"
    assert (sandbox.calls()[-1]["status"], sandbox.calls()[-1]["billed"]) == (status, False)


def test_retry_after_is_sent_with_a_429(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "status", "status": 429, "retry_after": 7})
    with pytest.raises(TikHubRateLimitError) as error:
        search(sdk)
    assert error.value.retry_after == 7


def test_rule_applies_only_to_matching_calls_and_times(sandbox: SandboxClient, sdk: TikHub) -> None:
    rule = {"route": "fetch_video_search_result", "keyword": "#GymTok", "offset": 20, "fault": "status", "times": 2}
    sandbox.set_faults(rule)
    sdk.tikhub_user.get_user_info()
    search(sdk)
    search(sdk, "cozygaming", offset=20)
    for _ in range(2):
        with pytest.raises(TikHubUpstreamError):
            search(sdk, offset=20)
    search(sdk, offset=20)


def test_rule_can_match_an_account(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = find_author(sdk)
    sandbox.set_faults({"fault": "status", "account": author["uid"]})
    with pytest.raises(TikHubUpstreamError):
        profile(sdk, user_id=author["uid"])
    profile(sdk, unique_id=author["unique_id"])


def test_cut_body_breaks_the_connection_and_leaves_billing_unknown(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "cut_body", "count_over": 10})
    with pytest.raises(TikHubConnectionError):
        search(sdk)
    assert len(search(sdk, count=10)["search_item_list"]) >= 9
    assert [(call["status"], call["billed"]) for call in sandbox.calls()] == [(200, None), (200, True)]


@pytest.mark.parametrize("status", [200, 502])
def test_html_quotes_the_authorization_header(sandbox: SandboxClient, status: int) -> None:
    sandbox.set_faults({"fault": "html", "status": status})
    answer = get(sandbox)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert f"Authorization: Bearer {KEY}" in answer.text
    assert sandbox.calls()[-1]["billed"] is False


def test_invalid_json_is_a_complete_200(sandbox: SandboxClient) -> None:
    sandbox.set_faults({"fault": "invalid_json"})
    with pytest.raises(json.JSONDecodeError):
        get(sandbox).json()


def test_long_body_is_a_complete_response(sandbox: SandboxClient) -> None:
    sandbox.set_faults({"fault": "long_body", "extra": 200_000})
    answer = get(sandbox)
    assert len(answer.content) > 200_000
    assert answer.json()["code"] == 200


def test_timeout_outlasts_the_client(sandbox: SandboxClient) -> None:
    sandbox.set_faults({"fault": "timeout", "delay": 0.6})
    with (
        TikHub(api_key=KEY, base_url=sandbox.url, max_retries=1, timeout=0.2) as sdk,
        pytest.raises(TikHubTimeoutError),
    ):
        search(sdk)
    time.sleep(0.8)
    assert [(call["status"], call["billed"]) for call in sandbox.calls()] == [(None, None)]


def test_short_delay_ends_in_the_real_response(sandbox: SandboxClient, sdk: TikHub) -> None:
    expected = search(sdk)
    sandbox.set_faults({"fault": "timeout", "delay": 0.05})
    assert search(sdk) == expected


def test_clearing_faults_releases_held_calls(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "timeout", "delay": 60})
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(search, sdk)
        while not sandbox.calls():
            time.sleep(0.01)
        sandbox.set_faults()
        assert held.result(timeout=10)["search_item_list"]


def test_redirect_leads_to_another_host(sandbox: SandboxClient) -> None:
    sandbox.set_faults({"fault": "redirect"})
    answer = get(sandbox)
    assert answer.status_code == 302
    assert httpx.URL(answer.headers["location"]).host != httpx.URL(sandbox.url).host


def test_inner_status_is_a_billed_200(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = find_author(sdk)
    sandbox.set_faults({"fault": "inner_status", "status": 10221})
    assert search(sdk)["status_code"] == 10221
    assert sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"]["status_code"] == 10221
    assert sandbox.calls()[-1]["billed"] is True


def test_repeated_page_returns_the_first_rows(sandbox: SandboxClient, sdk: TikHub) -> None:
    first = search(sdk)
    sandbox.set_faults({"fault": "repeated_page"})
    second = search(sdk, offset=20)
    assert second["search_item_list"] == first["search_item_list"]
    assert second["cursor"] == 40


def test_stuck_cursor_and_empty_page_promise_more(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "stuck_cursor", "offset": 1000}, {"fault": "empty_page"})
    stuck = search(sdk, offset=1000)
    assert (stuck["cursor"], stuck["has_more"]) == (1000, 1)
    empty = search(sdk)
    assert (empty["search_item_list"], empty["has_more"], empty["cursor"]) == ([], 1, 20)


@pytest.mark.parametrize("value", [True, "1", 0, None])
def test_has_more_comes_in_any_form(sandbox: SandboxClient, sdk: TikHub, value: object) -> None:
    sandbox.set_faults({"fault": "has_more", "value": value})
    found = search(sdk)["has_more"]
    assert (found, type(found)) == (value, type(value))


def test_odd_items_hold_every_oddity_once(sandbox: SandboxClient, sdk: TikHub) -> None:
    usual = search(sdk, count=40)["search_item_list"]
    sandbox.set_faults({"fault": "odd_items"})
    rows = search(sdk, count=40)["search_item_list"]
    assert rows.count(None) == 1
    assert 10 < sum(row != other for row, other in zip(rows, usual, strict=True)) < 15
    videos = [row["aweme_info"] for row in rows if row and "aweme_info" in row]
    nicknames = {video["author"]["nickname"] for video in videos if video["author"]}
    assert {"zero\x00byte", "half \ud83d pair"} <= nicknames


def test_chosen_oddities_apply_to_the_first_videos_in_order(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "odd_items", "kinds": ["null_author", "null_follower_count"]})
    rows = [row["aweme_info"] for row in search(sdk)["search_item_list"] if "aweme_info" in row]
    assert rows[0]["author"] is None
    assert rows[1]["author"].get("follower_count") is None
    assert rows[2]["author"]["nickname"]


def test_rows_can_be_replaced(sandbox: SandboxClient, sdk: TikHub) -> None:
    rows = [{"aweme_info": {"aweme_id": 1, "desc": 'it\'s "100%" {real} \\ \ud83d'}}, None, "text"]
    sandbox.set_faults({"fault": "items", "items": rows})
    assert search(sdk)["search_item_list"] == rows


@pytest.mark.parametrize("rule", [{"fault": "unheard_of"}, {"fault": "status", "statuss": 500}])
def test_misspelt_rule_is_rejected(sandbox: SandboxClient, rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="422"):
        sandbox.set_faults(rule)
