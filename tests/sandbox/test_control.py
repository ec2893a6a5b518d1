"""The switches of the sandbox itself: log, rate limit, creators, reset, and the ways to start it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tikhub import TikHub, TikHubBadRequestError, TikHubRateLimitError

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox

from .searching import all_videos, an_author

PROJECT_FOLDER = Path(__file__).resolve().parents[2]


def test_the_log_holds_every_api_call_and_no_control_call(sandbox: SandboxClient, sdk: TikHub) -> None:
    sdk.health_check.check()
    sdk.tikhub_user.get_user_info()
    sdk.tiktok_app_v3.fetch_video_search_result(keyword="gymtok", count=5)
    logged = [
        (call["number"], call["route"], call["params"], call["status"], call["billed"]) for call in sandbox.calls()
    ]
    assert logged == [
        (1, "check", {}, 200, False),
        (2, "get_user_info", {}, 200, False),
        (3, "fetch_video_search_result", {"keyword": "gymtok", "count": "5"}, 200, True),
    ]
    counters = sandbox.counters()
    assert (counters["total"], counters["billed"], counters["most_at_once"]) == (3, 1, 1)
    assert sandbox.calls("get_user_info") == [sandbox.calls()[1]]
    sandbox.clear_calls()
    assert sandbox.calls() == []


def call_until_refused(sdk: TikHub) -> None:
    """Call one route faster than once a second; which of the calls comes within a second does not matter."""
    for _ in range(50):
        sdk.tikhub_user.get_user_info()


def test_the_rate_limit_counts_each_route_by_itself(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_rate_limit(1, retry_after=3)
    sdk.tikhub_user.get_user_info()
    with pytest.raises(TikHubRateLimitError) as error:
        call_until_refused(sdk)
    assert error.value.retry_after == 3
    sdk.tiktok_web.fetch_user_profile(uniqueId="x")
    assert sandbox.calls()[-2]["billed"] is False
    sandbox.set_rate_limit(None)
    for _ in range(5):
        sdk.tikhub_user.get_user_info()


def test_a_gone_creator_leaves_search_and_both_profile_routes(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = an_author(sdk)
    sandbox.change_creator(author["uid"], is_gone=True)
    assert author["uid"] not in {video["author"]["uid"] for video in all_videos(sdk, "gymtok").values()}
    with pytest.raises(TikHubBadRequestError):
        sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])
    assert sdk.tiktok_web.fetch_user_profile(secUid=author["sec_uid"])["data"]["statusCode"] == 10221
    sandbox.change_creator(author["uid"], is_gone=False)
    assert sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])["data"]["user"]["uid"] == author["uid"]


def test_a_renamed_creator_is_found_by_the_new_handle_only(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = an_author(sdk)
    sandbox.change_creator(author["uid"], handle="new.name")
    handles = {video["author"]["uid"]: video["author"]["unique_id"] for video in all_videos(sdk, "gymtok").values()}
    assert handles[author["uid"]] == "new.name"
    by_new_name = sdk.tiktok_app_v3.handler_user_profile(unique_id="new.name")["data"]["user"]
    by_id = sdk.tiktok_app_v3.handler_user_profile(sec_user_id=author["sec_uid"])["data"]["user"]
    assert by_new_name == by_id
    assert by_id["uid"] == author["uid"]
    with pytest.raises(TikHubBadRequestError):
        sdk.tiktok_app_v3.handler_user_profile(unique_id=author["unique_id"])
    assert sdk.tiktok_web.fetch_user_profile(uniqueId=author["unique_id"])["data"]["statusCode"] == 10221


def test_a_pinned_count_shows_everywhere_until_it_is_undone(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = an_author(sdk)
    sandbox.change_creator(author["uid"], follower_count=12_345)
    counts = {
        video["author"]["uid"]: video["author"].get("follower_count") for video in all_videos(sdk, "gymtok").values()
    }
    assert counts[author["uid"]] == 12_345
    assert sandbox.creator(author["uid"])["follower_count"] == 12_345
    sandbox.change_creator(author["uid"], follower_count=None)
    assert sandbox.creator(author["uid"])["follower_count"] == author["follower_count"]


def test_a_creator_of_the_sample_can_be_changed_too(sandbox: SandboxClient, sdk: TikHub) -> None:
    videos = all_videos(sdk, "베트남").values()
    sample = next(video["author"] for video in videos if "cdn.example.com" in str(video["author"]["avatar_thumb"]))
    sandbox.change_creator(sample["uid"], handle="new.name", follower_count=0)
    user = sdk.tiktok_app_v3.handler_user_profile(user_id=sample["uid"])["data"]["user"]
    assert (user["unique_id"], user["follower_count"]) == ("new.name", 0)


def test_an_unknown_creator_cannot_be_changed(sandbox: SandboxClient) -> None:
    with pytest.raises(ValueError, match="404"):
        sandbox.change_creator("12345", is_gone=True)


def test_clear_undoes_everything(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = an_author(sdk)
    before = sandbox.creator(author["uid"])
    sandbox.change_creator(author["uid"], handle="new.name", is_gone=True)
    sandbox.set_faults({"fault": "status", "status": 500})
    sandbox.set_rate_limit(1)
    sandbox.set_clock("2026-07-01")
    sandbox.clear()
    assert sandbox.calls() == []
    for _ in range(3):
        sdk.tiktok_app_v3.handler_user_profile(user_id=author["uid"])
    assert sandbox.creator(author["uid"]) == before


@pytest.mark.parametrize("path", ["/", "/api/v1/health/check", "/api/v1/tikhub/user/get_user_info", "/nowhere"])
def test_every_answer_says_that_the_data_are_made_up(web: httpx.Client, path: str) -> None:
    assert web.get(path).headers["x-sandbox"] == "made-up data"


def test_the_front_page_says_that_the_data_are_made_up(web: httpx.Client) -> None:
    assert "made up" in web.get("/").json()["notice"]


@contextmanager
def command(*arguments: str) -> Iterator[tuple[str, str]]:
    """Run the command line and yield the two lines of its banner."""
    process = subprocess.Popen(
        [sys.executable, "-m", "include.sandbox", *arguments], cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline(), process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_the_command_line_serves_at_a_date_and_says_what_it_is() -> None:
    with command("--port", "0", "--date", "2026-03-01", "--refuse-key", "bad") as (notice, address):
        client = SandboxClient(address.removeprefix("Serving on ").strip())
        assert "made up" in notice
        assert httpx.get(client.url + "/sandbox/clock").json() == {"now": "2026-03-01T02:00:00Z", "is_virtual": True}
        refused = httpx.get(client.url + "/api/v1/tikhub/user/get_user_info", headers={"Authorization": "Bearer bad"})
        assert refused.status_code == 401


def test_a_taken_port_is_reported(sandbox: SandboxClient) -> None:
    port = sandbox.url.rsplit(":", 1)[-1]
    done = subprocess.run(
        [sys.executable, "-m", "include.sandbox", "--port", port],
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_two_sandboxes_know_nothing_of_each_other(sandbox: SandboxClient) -> None:
    with running_sandbox() as other:
        assert other.url != sandbox.url
        other.set_clock("2026-05-05")
        other.set_faults({"fault": "status", "status": 500})
        assert sandbox.faults() == []
    with pytest.raises(OSError, match="refused"):
        other.calls()
