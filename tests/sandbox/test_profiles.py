"""Profiles and the account as the official SDK sees them."""

import pytest
from tikhub import TikHub, TikHubBadRequestError

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox

from .conftest import DATE, KEY
from .searching import all_videos, an_author

MOST_LIKED_USER_ID = "22362222832496547"  # of the sample; its likes do not fit into 32 bits


def test_each_identifier_leads_to_the_same_profile(sdk: TikHub) -> None:
    author = an_author(sdk)
    profiles = [
        sdk.tiktok_app_v3.handler_user_profile(sec_user_id=author["sec_uid"])["data"],
        sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"],
        sdk.tiktok_app_v3.handler_user_profile(unique_id=author["unique_id"])["data"],
    ]
    assert profiles[0] == profiles[1] == profiles[2]
    user = profiles[0]["user"]
    assert user["uid"] == author["uid"]
    assert user["follower_count"] == author["follower_count"]
    assert user["total_favorited"] > 0
    assert user["aweme_count"] > 0
    assert "signature" in user


def test_every_author_of_a_search_has_a_profile(sdk: TikHub) -> None:
    for tag in ("gymtok", "xuhuong"):
        authors = {video["author"]["uid"]: video["author"] for video in all_videos(sdk, tag).values()}
        for uid, author in authors.items():
            user = sdk.tiktok_app_v3.handler_user_profile(user_id=uid)["data"]["user"]
            assert user["unique_id"] == author["unique_id"]


def test_a_profile_tells_the_count_that_search_hides(sdk: TikHub) -> None:
    hidden = next(
        video["author"] for video in all_videos(sdk, "gymtok").values() if not video["author"].get("follower_count")
    )
    user = sdk.tiktok_app_v3.handler_user_profile(user_id=hidden["uid"])["data"]["user"]
    assert 10_000 <= user["follower_count"] <= 100_000


def test_the_first_identifier_counts_even_if_it_is_wrong(sdk: TikHub) -> None:
    author = an_author(sdk)
    found = sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"], unique_id="nobody.at.all")
    assert found["data"]["user"]["uid"] == author["uid"]
    with pytest.raises(TikHubBadRequestError):
        sdk.tiktok_app_v3.handler_user_profile(sec_user_id="MS4wLjABAAAAnobody", user_id=author["uid"])


@pytest.mark.parametrize(
    "identifier",
    [
        {"user_id": "7000000000000000000"},
        {"user_id": "12"},
        {"user_id": "x"},
        {"user_id": "9" * 5000},
        {"sec_user_id": "MS4wLjABAAAA" + "é" * 64},
        {"sec_user_id": ""},
        {"unique_id": "nobody"},
        {"unique_id": "amberacorn" + "9" * 5000},
        {},
    ],
)
def test_an_unknown_account_is_an_ambiguous_400(
    sandbox: SandboxClient, sdk: TikHub, identifier: dict[str, str]
) -> None:
    with pytest.raises(TikHubBadRequestError) as error:
        sdk.tiktok_app_v3.handler_user_profile(**identifier)
    assert error.value.status_code == 400
    assert "try again" in error.value.response_body["detail"]["message"]
    assert sandbox.calls()[-1]["billed"] is False


def test_the_web_route_gives_exact_counts_as_text_and_rounded_ones_as_numbers(sdk: TikHub) -> None:
    author = an_author(sdk)
    by_handle = sdk.tiktok_web.fetch_user_profile(uniqueId=author["unique_id"])["data"]
    assert by_handle == sdk.tiktok_web.fetch_user_profile(secUid=author["sec_uid"])["data"]
    assert by_handle["statusCode"] == 0
    info = by_handle["userInfo"]
    assert info["user"]["id"] == author["uid"]
    assert info["statsV2"]["followerCount"] == str(author["follower_count"])
    assert abs(info["stats"]["followerCount"] - author["follower_count"]) <= author["follower_count"] / 100


def test_the_web_route_answers_an_unknown_account_with_a_billed_10221(sandbox: SandboxClient, sdk: TikHub) -> None:
    data = sdk.tiktok_web.fetch_user_profile(uniqueId="nobody")["data"]
    assert data["statusCode"] == 10221
    assert "user" not in data["userInfo"]
    assert sandbox.calls()[-1]["billed"] is True


def test_a_heart_count_above_32_bits_overflows_in_the_rounded_stats_only(sdk: TikHub) -> None:
    user = sdk.tiktok_app_v3.handler_user_profile(user_id=MOST_LIKED_USER_ID)["data"]["user"]
    assert user["total_favorited"] > 2**31
    info = sdk.tiktok_web.fetch_user_profile(uniqueId=user["unique_id"])["data"]["userInfo"]
    assert info["stats"]["heartCount"] < 0
    assert info["statsV2"]["heartCount"] == str(user["total_favorited"])


def test_accounts_outlive_a_restart_without_a_search(sdk: TikHub) -> None:
    author = an_author(sdk, "some hashtag")
    before = sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"]
    with running_sandbox(now=DATE) as restarted, TikHub(api_key=KEY, base_url=restarted.url) as other:
        assert other.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"] == before
        assert other.tiktok_app_v3.handler_user_profile(unique_id=author["unique_id"])["data"] == before
        assert other.tiktok_app_v3.handler_user_profile(sec_user_id=author["sec_uid"])["data"] == before


def test_the_account_route_is_free_and_has_no_data(sandbox: SandboxClient, sdk: TikHub) -> None:
    full = sdk.tikhub_user.get_user_info()
    assert "data" not in full
    assert set(full) == {"code", "router", "api_key_data", "user_data"}
    an_author(sdk)
    spent = sandbox.counters()["billed"] * 0.001
    assert sdk.tikhub_user.get_user_info()["user_data"]["balance"] == pytest.approx(
        full["user_data"]["balance"] - spent
    )


def test_daily_usage_counts_calls_under_the_date_of_los_angeles(sdk: TikHub) -> None:
    sdk.tiktok_web.fetch_user_profile(uniqueId="nobody")
    usage = sdk.tikhub_user.get_user_daily_usage()["data"]
    assert usage["date"] == "2026-02-28"
    assert usage["paid_request_per_day"] == 1
    assert usage["total_request_per_day"] == 2


def test_health_needs_no_key(sdk: TikHub) -> None:
    assert sdk.health_check.check() == {"status": "ok"}
