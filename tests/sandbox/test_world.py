"""The made-up world is deterministic, grows over time and has Comets for every hashtag."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tikhub import TikHub, TikHubBadRequestError

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox
from include.stack.ports import free_port
from include.stack.sandbox import is_sandbox_running, sandbox_url
from tests.conftest import PROJECT_FOLDER

from .conftest import DATE, KEY
from .searching import Json, all_rows, all_videos, comets, find_author, profile

START = datetime.fromisoformat(DATE)
DEMO_HASHTAGS = ("streetinterviews", "cozygaming", "gymtok")


def search_at(sandbox: SandboxClient, sdk: TikHub, moment: datetime, tag: str = "cozygaming") -> dict[str, Json]:
    """Return the videos of a search at a time."""
    sandbox.set_clock(moment)
    return all_videos(sdk, tag)


def test_clock_stands_where_it_is_set_or_is_real(sandbox: SandboxClient, sdk: TikHub) -> None:
    for text in ("2026-03-05T02:00:00+02:00", "2026-03-05"):
        sandbox.set_clock(text)
        assert sdk.tiktok_app_v3.fetch_video_search_result(keyword="x")["time_stamp"] == 1772668800
    sandbox.set_clock(None)
    before = int(datetime.now(UTC).timestamp())
    shown = sdk.tiktok_app_v3.fetch_video_search_result(keyword="x")["time_stamp"]
    assert before <= shown <= datetime.now(UTC).timestamp()


def test_same_time_returns_the_same_results(sandbox: SandboxClient, sdk: TikHub) -> None:
    first = search_at(sandbox, sdk, START)
    assert search_at(sandbox, sdk, START + timedelta(days=40)) != first
    assert search_at(sandbox, sdk, START) == first


def test_world_is_the_same_in_another_process(sdk: TikHub) -> None:
    videos, author = all_videos(sdk, "cozygaming"), find_author(sdk)
    user = profile(sdk, user_id=author["uid"])
    with sandbox_process() as other_world, TikHub(api_key=KEY, base_url=other_world.url) as other:
        other_world.set_clock(DATE)
        assert profile(other, sec_user_id=author["sec_uid"]) == profile(other, unique_id=author["unique_id"]) == user
        assert all_videos(other, "cozygaming") == videos


@contextmanager
def sandbox_process() -> Iterator[SandboxClient]:
    """Run the sandbox as a process."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "include.sandbox", "--port", str(port)], cwd=PROJECT_FOLDER)
    try:
        end = time.monotonic() + 30
        while not is_sandbox_running(port):
            assert time.monotonic() < end
            time.sleep(0.1)
        yield SandboxClient(sandbox_url(port))
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_another_seed_makes_another_world(sdk: TikHub) -> None:
    with running_sandbox(seed=8) as other_world, TikHub(api_key=KEY, base_url=other_world.url) as other:
        other_world.set_clock(DATE)
        assert not comets(all_videos(other, "cozygaming")) & comets(all_videos(sdk, "cozygaming"))


def test_growth_rates_are_mixed_and_mostly_positive(sandbox: SandboxClient, sdk: TikHub) -> None:
    uids = {
        video["author"]["uid"]
        for tag in (*DEMO_HASHTAGS, "fyp", "viral", "北京")
        for video in search_at(sandbox, sdk, START, tag).values()
    }
    counts = []
    for moment in (START, START + timedelta(days=2)):
        sandbox.set_clock(moment)
        counts.append([sandbox.creator(uid)["follower_count"] for uid in sorted(uids)])
    growth = [now / then - 1 for then, now in zip(*counts, strict=True)]
    assert sum(rate > 0 for rate in growth) > len(growth) / 2
    assert sum(rate < 0 for rate in growth) > len(growth) / 20
    assert sum(rate == 0 for rate in growth) > len(growth) / 50
    assert 0 < sum(rate > 0.1 for rate in growth) < len(growth) / 10


@pytest.mark.parametrize("tag", ["cozygaming", "xuhuong"])
def test_videos_appear_when_published_and_their_plays_grow(sandbox: SandboxClient, sdk: TikHub, tag: str) -> None:
    today, later = search_at(sandbox, sdk, START, tag), search_at(sandbox, sdk, START + timedelta(days=3), tag)
    plays = [
        (today[video]["statistics"]["play_count"], later[video]["statistics"]["play_count"])
        for video in today.keys() & later.keys()
    ]
    assert len(plays) > 50
    assert all(then <= now for then, now in plays)
    assert any(then < now for then, now in plays)
    new = next(video for video in later.values() if video["create_time"] > START.timestamp() + 1)
    published = datetime.fromtimestamp(new["create_time"], UTC)
    assert new["aweme_id"] not in search_at(sandbox, sdk, published - timedelta(seconds=1), tag)
    assert new["aweme_id"] in search_at(sandbox, sdk, published, tag)


@pytest.mark.parametrize("year", [2020, 2026, 2031])
def test_there_are_comets_in_any_year(sandbox: SandboxClient, sdk: TikHub, year: int) -> None:
    assert len(comets(search_at(sandbox, sdk, START.replace(year=year), "gymtok"))) >= 6


def test_demo_hashtags_share_some_comets(sdk: TikHub) -> None:
    found = [all_videos(sdk, tag) for tag in DEMO_HASHTAGS]
    for videos in found:
        assert len(comets(videos)) >= 8
        assert len({video["author"]["uid"] for video in videos.values()}) > 15 + len(comets(videos))
    assert set.intersection(*map(comets, found))
    assert len(set.union(*map(comets, found))) >= 20


def test_each_week_of_a_search_has_new_comets(sandbox: SandboxClient, sdk: TikHub) -> None:
    known = comets(search_at(sandbox, sdk, START))
    for number in (1, 2, 3):
        found = comets(search_at(sandbox, sdk, START + timedelta(weeks=number)))
        assert found & known
        assert found - known
        known |= found


@pytest.mark.parametrize("hashtag", ["北京", "베트남", "شارع", "Straße", "đàlạt", "🎮🎮", "with space", "x" * 200])
def test_hashtags_in_any_script_find_comets(sdk: TikHub, hashtag: str) -> None:
    videos = all_videos(sdk, hashtag)
    tags = [tag["hashtag_name"] for video in videos.values() for tag in video["text_extra"]]
    assert len(comets(videos)) >= 6
    assert tags.count(hashtag.casefold().replace(" ", "")) > 20


@pytest.mark.parametrize("spelling", ["#GymTok", " gymtok ", "ｇｙｍｔｏｋ"])
def test_spellings_of_a_hashtag_find_the_same(sdk: TikHub, spelling: str) -> None:
    assert all_rows(sdk, spelling) == all_rows(sdk, "gymtok")


def test_some_results_do_not_carry_the_hashtag(sdk: TikHub) -> None:
    videos = all_videos(sdk, "gymtok").values()
    untagged = [video for video in videos if "gymtok" not in {tag["hashtag_name"] for tag in video["text_extra"]}]
    assert 0 < len(untagged) < len(videos) / 3


def test_removed_creator_leaves_search_and_profiles(sandbox: SandboxClient, sdk: TikHub) -> None:
    uid = find_author(sdk)["uid"]
    sandbox.change_creator(uid, is_gone=True)
    assert uid not in {video["author"]["uid"] for video in all_videos(sdk, "gymtok").values()}
    with pytest.raises(TikHubBadRequestError):
        profile(sdk, user_id=uid)
    sandbox.change_creator(uid, is_gone=False)
    assert profile(sdk, user_id=uid)["uid"] == uid


def test_renamed_creator_is_found_only_by_the_new_handle(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = find_author(sdk)
    sandbox.change_creator(author["uid"], handle="new.name")
    handles = {video["author"]["uid"]: video["author"]["unique_id"] for video in all_videos(sdk, "gymtok").values()}
    assert handles[author["uid"]] == "new.name"
    assert profile(sdk, unique_id="new.name") == profile(sdk, sec_user_id=author["sec_uid"])
    with pytest.raises(TikHubBadRequestError):
        profile(sdk, unique_id=author["unique_id"])


def test_pinned_count_lasts_until_reset(sandbox: SandboxClient, sdk: TikHub) -> None:
    author = find_author(sdk)
    sandbox.change_creator(author["uid"], handle="new.name")
    sandbox.change_creator(author["uid"], follower_count=12_345)
    assert (find_author(sdk)["unique_id"], find_author(sdk)["follower_count"]) == ("new.name", 12_345)
    assert sandbox.creator(author["uid"])["follower_count"] == 12_345
    sandbox.clear()
    sandbox.set_clock(DATE)
    assert find_author(sdk) == author
