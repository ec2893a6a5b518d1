"""The hook's requests and results."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from comets import errors
from comets.tikhub.hook import TikHubHook
from comets.tikhub.models import Balance
from tests.tikhub.conftest import search
from tests.tikhub.odd_server import OddServer, envelope, json_response

USER_ID = "7011223344556677889"
PROFILE = {"user": {"uid": USER_ID, "sec_uid": "MS4wLjABAAAA0", "unique_id": "clay.sample", "follower_count": 28150}}


def test_search_requests_the_most_relevant_videos(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope({})))
    hook.search_videos(keyword="çay & čaj 茶?#%", offset=40, count=20, publish_time=7, region="DE")
    request = odd_server.requests[0]
    assert (request.method, request.path) == ("GET", "/api/v1/tiktok/app/v3/fetch_video_search_result")
    assert request.params == {
        "keyword": "çay & čaj 茶?#%",
        "offset": "40",
        "count": "20",
        "sort_type": "0",
        "publish_time": "7",
        "region": "DE",
    }


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        ({"sec_uid": "MS4wLjABAAAA0", "user_id": USER_ID, "handle": "clay.sample"}, {"sec_user_id": "MS4wLjABAAAA0"}),
        ({"sec_uid": None, "user_id": USER_ID, "handle": "clay.sample"}, {"user_id": USER_ID}),
        ({"sec_uid": "", "user_id": "", "handle": "clay.sample"}, {"unique_id": "clay.sample"}),
    ],
)
def test_profile_is_requested_by_one_identifier(
    hook: TikHubHook, odd_server: OddServer, known: dict[str, Any], sent: dict[str, str]
) -> None:
    odd_server.plan(json_response(envelope(PROFILE)))
    assert hook.fetch_profile(**known).follower_count == 28150
    assert [request.params for request in odd_server.requests] == [sent]
    assert odd_server.requests[0].path == "/api/v1/tiktok/app/v3/handler_user_profile"


def test_profile_without_identifier_is_not_requested(hook: TikHubHook, odd_server: OddServer) -> None:
    with pytest.raises(ValueError, match="needs a user_id"):
        hook.fetch_profile()
    assert not odd_server.requests


def test_response_without_account_is_ambiguous(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope({"user": {"nickname": "x"}})))
    with pytest.raises(errors.TikHubAmbiguousError, match="no account in the response") as caught:
        hook.fetch_profile(handle="clay.sample")
    assert caught.value.is_billed is True


def test_profile_of_another_account_is_rejected(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope(PROFILE)))
    with pytest.raises(errors.TikHubAmbiguousError, match="an account other than") as caught:
        hook.fetch_profile(user_id="42", sec_uid="MS4wLjABAAAA0")
    assert (caught.value.subject, caught.value.is_billed) == ("42", True)


def test_observed_at_is_the_servers_time_stamp(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope(PROFILE, time_stamp=1769907909)))
    observed_at = datetime(2026, 2, 1, 1, 5, 9, tzinfo=UTC)
    assert search(hook).observed_at == hook.fetch_profile(user_id=USER_ID).observed_at == observed_at


ACCOUNT: dict[str, Any] = {
    "code": 200,
    "api_key_data": {"api_key_name": "my key"},
    "user_data": {"email": "someone@mail.example", "balance": 1234.5, "free_credit": "0.05"},
}


def test_connection_test_shows_the_balance_and_no_personal_data(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(ACCOUNT))
    assert hook.fetch_balance() == Balance(balance_usd=Decimal("1234.5"), free_credit_usd=Decimal("0.05"))
    assert hook.test_connection() == (True, "Connected to TikHub: balance $1,234.50, free credit $0.05")
    assert odd_server.requests[0].path == "/api/v1/tikhub/user/get_user_info"


@pytest.mark.parametrize(
    "user", [None, {"balance": True, "free_credit": float("inf")}, {"balance": "nan", "free_credit": []}]
)
def test_connection_test_accepts_an_account_without_amounts(hook: TikHubHook, odd_server: OddServer, user: Any) -> None:
    odd_server.plan(json_response({"code": 200, "user_data": user}))
    assert hook.test_connection() == (True, "Connected to TikHub: balance unknown, free credit unknown")


def test_connection_test_shows_the_reason_of_a_failure(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response({"detail": {"message": "Invalid."}}, 401))
    is_accepted, text = hook.test_connection()
    assert not is_accepted
    assert "refused the API key (HTTP 401)" in text
