"""What goes wrong, by itself and on demand, as the official SDK and a plain HTTP client see it."""

import json
from collections.abc import Callable
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

from .conftest import KEY, REFUSED_KEY
from .searching import an_author

SEARCH = "/api/v1/tiktok/app/v3/fetch_video_search_result"
Get = Callable[..., httpx.Response]


@pytest.fixture
def get(web: httpx.Client) -> Get:
    """Call the sandbox without the SDK."""

    def call(path: str = SEARCH, **params: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {KEY}"}
        return web.get(path, params={"keyword": "gymtok"} | params, headers=headers)

    return call


def search(sdk: TikHub, **params: Any) -> dict[str, Any]:
    """Return the data of one page."""
    data: dict[str, Any] = sdk.tiktok_app_v3.fetch_video_search_result(**{"keyword": "gymtok"} | params)["data"]
    return data


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer"}, {"Authorization": f"Token {KEY}"}])
def test_without_a_key_the_401_echoes_the_headers(web: httpx.Client, header: dict[str, str]) -> None:
    answer = web.get(SEARCH, params={"keyword": "x"}, headers=header)
    detail = answer.json()["detail"]
    assert answer.status_code == detail["code"] == 401
    assert detail["headers"].get("authorization", "") == header.get("Authorization", "")
    assert detail["params"] == {"keyword": "x"}


def test_a_refused_key_is_echoed_back(sandbox: SandboxClient) -> None:
    with (
        TikHub(api_key=REFUSED_KEY, base_url=sandbox.url, max_retries=1) as sdk,
        pytest.raises(TikHubAuthError) as error,
    ):
        sdk.tikhub_user.get_user_info()
    assert error.value.response_body["detail"]["headers"]["authorization"] == f"Bearer {REFUSED_KEY}"


def test_a_cookie_is_accepted_in_place_of_the_header(web: httpx.Client) -> None:
    answer = web.get(SEARCH, params={"keyword": "x"}, headers={"Cookie": f"Authorization=Bearer {KEY}"})
    assert answer.status_code == 200


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
def test_any_status_can_be_asked_for(
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
    assert sandbox.calls()[-1]["status"] == status
    assert sandbox.calls()[-1]["billed"] is False


def test_retry_after_is_sent_with_a_429(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "status", "status": 429, "retry_after": 7})
    with pytest.raises(TikHubRateLimitError) as error:
        search(sdk)
    assert error.value.retry_after == 7


def test_an_unknown_route_is_a_404_and_a_wrong_method_a_405(sandbox: SandboxClient, sdk: TikHub) -> None:
    with pytest.raises(TikHubNotFoundError):
        sdk.tiktok_web.fetch_trending_searchwords()
    with pytest.raises(TikHubHTTPError) as error:
        sdk._request("POST", SEARCH)
    assert error.value.status_code == 405
    assert [call["status"] for call in sandbox.calls()] == [404, 405]


def test_a_rule_meets_only_what_it_names_and_only_so_often(sandbox: SandboxClient, sdk: TikHub) -> None:
    rule = {"route": "fetch_video_search_result", "keyword": "#GymTok", "offset": 20, "fault": "status", "status": 500}
    sandbox.set_faults(rule | {"times": 2})
    search(sdk)
    search(sdk, keyword="cozygaming", offset=20)
    for _ in range(2):
        with pytest.raises(TikHubServerError):
            search(sdk, offset=20)
    search(sdk, offset=20)
    assert sandbox.faults() == []


def test_a_rule_can_name_an_account(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = an_author(sdk)
    sandbox.set_faults({"fault": "status", "status": 503, "account": author["uid"]})
    with pytest.raises(TikHubUpstreamError):
        sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])
    sdk.tiktok_app_v3.handler_user_profile(unique_id=author["unique_id"])


def test_a_cut_body_breaks_the_connection_and_leaves_billing_unknown(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "cut_body", "count_over": 10})
    with pytest.raises(TikHubConnectionError):
        search(sdk, count=11)
    assert len(search(sdk, count=10)["search_item_list"]) >= 9
    assert [(call["status"], call["billed"]) for call in sandbox.calls()] == [(200, None), (200, True)]


def test_the_default_page_size_counts_for_count_over(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "cut_body", "count_over": 19})
    with pytest.raises(TikHubConnectionError):
        search(sdk)


@pytest.mark.parametrize("status", [200, 403, 502])
def test_html_quotes_the_authorization_header(sandbox: SandboxClient, get: Get, status: int) -> None:
    sandbox.set_faults({"fault": "html", "status": status})
    answer = get()
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert f"Authorization: Bearer {KEY}" in answer.text
    assert sandbox.calls()[-1]["billed"] is False


def test_invalid_json_comes_complete_with_200(sandbox: SandboxClient, sdk: TikHub, get: Get) -> None:
    sandbox.set_faults({"fault": "invalid_json"})
    with pytest.raises(json.JSONDecodeError):
        get().json()
    assert isinstance(sdk.tikhub_user.get_user_info(), str)


def test_a_long_body_is_a_whole_answer(sandbox: SandboxClient, get: Get) -> None:
    sandbox.set_faults({"fault": "long_body", "extra": 200_000})
    answer = get()
    assert len(answer.content) > 200_000
    assert answer.json()["code"] == 200


def test_a_timeout_is_the_callers_to_end(sandbox: SandboxClient) -> None:
    sandbox.set_faults({"fault": "timeout", "delay": 60})
    with (
        TikHub(api_key=KEY, base_url=sandbox.url, max_retries=1, timeout=0.2) as sdk,
        pytest.raises(TikHubTimeoutError),
    ):
        search(sdk)
    assert [(call["status"], call["billed"]) for call in sandbox.calls()] == [(None, None)]


def test_a_short_delay_ends_in_the_real_answer(sandbox: SandboxClient, sdk: TikHub) -> None:
    expected = search(sdk)
    sandbox.set_faults({"fault": "timeout", "delay": 0.05})
    assert search(sdk) == expected


def test_a_redirect_leads_to_another_host(sandbox: SandboxClient, get: Get) -> None:
    sandbox.set_faults({"fault": "redirect"})
    answer = get()
    assert answer.status_code == 302
    assert httpx.URL(answer.headers["location"]).host != httpx.URL(sandbox.url).host


@pytest.mark.parametrize("status", [10221, 402, 429])
def test_an_inner_status_hides_in_a_billed_200(sandbox: SandboxClient, sdk: TikHub, status: int) -> None:
    author = an_author(sdk)
    sandbox.set_faults({"fault": "inner_status", "status": status})
    assert search(sdk)["status_code"] == status
    assert sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"]["status_code"] == status
    assert sdk.tiktok_web.fetch_user_profile(secUid=author["sec_uid"])["data"]["statusCode"] == status
    assert sandbox.calls()[-1]["billed"] is True


def test_a_repeated_page_shows_the_first_rows_again(sandbox: SandboxClient, sdk: TikHub) -> None:
    first = search(sdk)
    sandbox.set_faults({"fault": "repeated_page"})
    second = search(sdk, offset=20)
    assert second["search_item_list"] == first["search_item_list"]
    assert second["cursor"] == 40


def test_a_stuck_cursor_stays_at_the_offset(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "stuck_cursor"})
    page = search(sdk, offset=20)
    assert (page["cursor"], page["has_more"]) == (20, 1)


@pytest.mark.parametrize("value", [True, "1", 0, None])
def test_has_more_comes_in_any_form(sandbox: SandboxClient, sdk: TikHub, value: object) -> None:
    sandbox.set_faults({"fault": "has_more", "value": value})
    found = search(sdk)["has_more"]
    assert found == value
    assert type(found) is type(value)


def test_has_more_can_be_absent(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "has_more", "is_absent": True})
    assert "has_more" not in search(sdk)


def test_an_empty_page_can_promise_more(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "empty_page"})
    page = search(sdk)
    assert (page["search_item_list"], page["has_more"], page["cursor"]) == ([], 1, 20)


def test_odd_rows_hold_every_oddity_once_and_leave_the_rest_alone(sandbox: SandboxClient, sdk: TikHub) -> None:
    normal = search(sdk, count=40)["search_item_list"]
    sandbox.set_faults({"fault": "odd_items"})
    rows = search(sdk, count=40)["search_item_list"]
    assert len(rows) == len(normal)
    assert rows.count(None) == 1
    assert sum(row != usual for row, usual in zip(rows, normal, strict=True)) == 11
    videos = [row["aweme_info"] for row in rows if row and "aweme_info" in row]
    authors = [video["author"] for video in videos if video["author"]]
    assert sum("aweme_id" not in video for video in videos) == 1
    assert sum("author_user_id" not in video for video in videos) == 1
    assert sum(video["author"] is None for video in videos) == 1
    assert sum(video["statistics"] is None for video in videos) == 1
    assert {"zero\x00byte", "half \ud83d pair"} <= {author["nickname"] for author in authors}
    plays = [video["statistics"]["play_count"] for video in videos if video["statistics"]]
    assert any(isinstance(count, str) and count.isdigit() for count in plays)
    assert any(isinstance(count, str) and count.endswith("K") for count in plays)
    assert any(isinstance(count, int) and count > 2**31 for count in plays)
    assert any(isinstance(count, int) and count < 0 for count in plays)


def test_chosen_oddities_meet_the_first_videos_in_order(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "odd_items", "kinds": ["normal", "zero_follower_count", "missing_follower_count"]})
    rows = [row["aweme_info"] for row in search(sdk)["search_item_list"] if "aweme_info" in row]
    assert rows[1]["author"]["follower_count"] == 0
    assert "follower_count" not in rows[2]["author"]


def test_odd_kinds_change_a_profile_too(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = an_author(sdk)
    sandbox.set_faults({"fault": "odd_items", "kinds": ["numeric_strings", "lone_surrogate_nickname"]})
    user = sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"]["user"]
    assert user["follower_count"] == str(author["follower_count"])
    assert user["nickname"] == "half \ud83d pair"


def test_rows_can_be_dictated(sandbox: SandboxClient, sdk: TikHub) -> None:
    rows = [{"aweme_info": {"aweme_id": 1, "desc": 'it\'s "100%" {real} \\ \ud83d'}}, None, "text"]
    sandbox.set_faults({"fault": "items", "items": rows})
    assert search(sdk)["search_item_list"] == rows


@pytest.mark.parametrize("rule", [{"fault": "unheard_of"}, {"fault": "status", "statuss": 500}, {"status": 500}])
def test_a_misspelt_rule_is_refused(sandbox: SandboxClient, rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="422"):
        sandbox.set_faults(rule)


def test_clearing_lets_waiting_calls_go_on(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_faults({"fault": "timeout", "delay": 60})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(search, sdk)
        while not sandbox.calls():
            pass
        sandbox.set_faults()
        assert waiting.result(timeout=10)["search_item_list"]
