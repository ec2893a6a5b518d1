"""The virtual clock, and how followers and plays move with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tikhub import TikHub

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox

from .conftest import DATE, KEY
from .searching import all_videos

START = datetime.fromisoformat(DATE)
Json = dict[str, Any]


def search_at(sandbox: SandboxClient, sdk: TikHub, moment: datetime, tag: str = "cozygaming") -> dict[str, Json]:
    """Return the videos that a search finds at a time."""
    sandbox.set_clock(moment)
    return all_videos(sdk, tag)


def test_the_clock_stands_where_it_is_set(sandbox: SandboxClient, sdk: TikHub) -> None:
    sandbox.set_clock("2026-03-05T02:00:00+02:00")
    assert sdk.tiktok_web.fetch_user_profile(uniqueId="x")["time_stamp"] == 1772668800
    sandbox.set_clock("2026-03-05")
    assert sdk.tiktok_web.fetch_user_profile(uniqueId="x")["time_stamp"] == 1772668800


def test_without_a_set_clock_time_is_real(sandbox: SandboxClient, sdk: TikHub) -> None:
    before = int(datetime.now(UTC).timestamp())
    sandbox.set_clock(None)
    told = sdk.tiktok_web.fetch_user_profile(uniqueId="x")["time_stamp"]
    assert before <= told <= datetime.now(UTC).timestamp()


def test_the_same_time_gives_the_same_answer_after_any_detour_and_restart(sandbox: SandboxClient, sdk: TikHub) -> None:
    first = search_at(sandbox, sdk, START)
    assert search_at(sandbox, sdk, START + timedelta(days=40)) != first
    assert search_at(sandbox, sdk, START) == first
    with running_sandbox(now=DATE) as restarted, TikHub(api_key=KEY, base_url=restarted.url) as other:
        assert all_videos(other, "cozygaming") == first


def test_another_seed_is_another_world(sdk: TikHub) -> None:
    with running_sandbox(now=DATE, seed=8) as other_world, TikHub(api_key=KEY, base_url=other_world.url) as other:
        assert not all_videos(other, "cozygaming").keys() & all_videos(sdk, "cozygaming").keys()


def test_most_creators_rise_some_fall_some_stand_still_and_a_few_jump(sandbox: SandboxClient, sdk: TikHub) -> None:
    uids = {
        video["author"]["uid"]
        for tag in ("streetinterviews", "cozygaming", "gymtok", "fyp", "viral", "北京")
        for video in search_at(sandbox, sdk, START, tag).values()
    }
    growth: list[float] = []
    for uid in uids:
        sandbox.set_clock(START)
        then = sandbox.creator(uid)["follower_count"]
        sandbox.set_clock(START + timedelta(days=2))
        growth.append(sandbox.creator(uid)["follower_count"] / then - 1)
    assert sum(rate > 0 for rate in growth) > len(growth) / 2
    assert sum(rate < 0 for rate in growth) > len(growth) / 20
    assert sum(rate == 0 for rate in growth) > len(growth) / 50
    assert 0 < sum(rate > 0.1 for rate in growth) < len(growth) / 10


@pytest.mark.parametrize("tag", ["cozygaming", "xuhuong"])
def test_nothing_is_found_before_it_is_published(sandbox: SandboxClient, sdk: TikHub, tag: str) -> None:
    moment = START.replace(year=2024)
    found = search_at(sandbox, sdk, moment, tag)
    assert len(found) > 50
    assert all(video["create_time"] <= moment.timestamp() for video in found.values())


def test_plays_grow(sandbox: SandboxClient, sdk: TikHub) -> None:
    for tag in ("cozygaming", "xuhuong"):
        today = search_at(sandbox, sdk, START, tag)
        tomorrow = search_at(sandbox, sdk, START + timedelta(days=1), tag)
        still = today.keys() & tomorrow.keys()
        plays = [
            (today[video]["statistics"]["play_count"], tomorrow[video]["statistics"]["play_count"]) for video in still
        ]
        assert len(plays) > 50
        assert all(then <= now for then, now in plays)
        assert any(then < now for then, now in plays)


def test_a_new_video_appears_once_it_is_published(sandbox: SandboxClient, sdk: TikHub) -> None:
    later = search_at(sandbox, sdk, START + timedelta(days=3))
    new = next(video for video in later.values() if video["create_time"] > START.timestamp() + 1)
    published = datetime.fromtimestamp(new["create_time"], UTC)
    assert new["aweme_id"] not in search_at(sandbox, sdk, published - timedelta(seconds=1))
    assert new["aweme_id"] in search_at(sandbox, sdk, published)


@pytest.mark.parametrize("year", [2020, 2026, 2031])
def test_there_are_comets_in_any_year(sandbox: SandboxClient, sdk: TikHub, year: int) -> None:
    videos = search_at(sandbox, sdk, START.replace(year=year), "gymtok")
    in_band = {video["author"]["uid"] for video in videos.values() if video["statistics"]["play_count"] >= 50_000}
    assert len(in_band) >= 8
    assert all(sandbox.creator(uid)["follower_count"] > 0 for uid in in_band)
