"""Dag runs by Airflow's task runner, on a real PostgreSQL and the sandbox over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from include.sandbox.client import SandboxClient
from tests.dags.worlds import SEARCH, RunDag

Rows = Callable[..., list[dict[str, Any]]]

MARCH_1 = "2026-03-01T02:00:00+00:00"


@pytest.fixture
def march(sandbox: SandboxClient) -> SandboxClient:
    sandbox.set_clock(MARCH_1)
    return sandbox


def test_two_days_of_hashtags_produce_growing_comets(
    run_dag: RunDag,
    rows: Rows,
    march: SandboxClient,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tikhub_connection: str,
) -> None:
    first = run_dag(MARCH_1, {"hashtags": ["#GymTok", "cozygaming"]})
    march.set_clock("2026-03-02T02:00:00Z")
    second = run_dag("2026-03-02T02:00:00+00:00", {"hashtags": ["#GymTok", "cozygaming"]})

    assert (first.state, second.state) == ("success", "success")
    snapshots = rows("select * from creator_stats order by user_id, recorded_date")
    assert len(snapshots) > 10
    assert {snapshot["basis"] for snapshot in snapshots} == {"observed"}
    for snapshot in snapshots:
        truth = march.creator(snapshot["user_id"])
        assert snapshot["follower_count"] >= 10_000
        if str(snapshot["recorded_date"]) == "2026-03-02":
            assert snapshot["follower_count"] == truth["follower_count"]
    grown = [snapshot for snapshot in snapshots if snapshot["gap_days"] == 1]
    assert any(snapshot["daily_growth_followers"] > 0 for snapshot in grown)

    log = capsys.readouterr().out + caplog.text
    comets = rows("select distinct user_id from comet_discoveries where recorded_date = '2026-03-02'")
    assert re.search(r"Discovered Comet: @\S+ \([\d,]+ followers, new\)", log)
    assert re.search(r"Discovered Comet: @\S+ \([\d,]+ followers, [+-][\d,]+\)", log)
    assert re.search(rf"Total Comets discovered: {len(comets)}\b", log)
    assert re.search(r"#gymtok: page at offset 20 has \d+ items", log)
    assert re.search(r"gymtok +\w+.*\d+ +\d+ +\d+", log)
    assert tikhub_connection not in log


def test_run_without_logical_date_owns_the_trigger_date(run_dag: RunDag, rows: Rows, sandbox: SandboxClient) -> None:
    outcome = run_dag(None, {"hashtags": ["gymtok"], "pages_per_hashtag": 1})
    assert outcome.state == "success"
    [run] = rows("select recorded_date, is_live, accepted_at from comet_runs")
    assert run["is_live"]
    assert run["recorded_date"] == run["accepted_at"].date()


def test_creator_text_is_stored_verbatim_and_loose_search_matches_warn(
    run_dag: RunDag, rows: Rows, march: SandboxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "'; drop table creators; -- \\ \" % %s %(x)s {{ ds }} {% raw %} $1 \U0001f525"
    items = [
        video(1, "7" * 19, plays=2**40, followers=50_000, nickname=nasty, caption=nasty, handle="o'hara%\\\"{}"),
        video(1, "7" * 19, plays=2**40, followers=50_000, nickname=nasty, caption=nasty, handle="o'hara%\\\"{}"),
        video(2, "8" * 19, plays=50_000, followers=100_000, nickname="nul\x00 and half \ud83d", caption="\udfff"),
        video(3, "6" * 19, plays=50_000, followers=2**33, nickname="too big", caption=""),
    ]
    untagged = [video(number, "5" * 19, plays=1, hashtags=["fyp"]) for number in range(4, 15)]
    tagged = video(15, "5" * 19, plays=1, hashtags=["fyp", "GymTok"])
    march.set_faults({"route": SEARCH, "fault": "items", "items": [*items, *untagged, tagged]})
    outcome = run_dag(MARCH_1, {"hashtags": ["日本語🏋️", "gymtok"], "pages_per_hashtag": 1})
    assert outcome.state == "success"
    creators = {row["user_id"]: row for row in rows("select * from creators")}
    assert set(creators) == {"7" * 19, "8" * 19}
    assert creators["7" * 19]["nickname"] == nasty
    assert creators["7" * 19]["handle"] == "o'hara%\\\"{}"
    assert creators["8" * 19]["nickname"] == "nul� and half �"
    found = rows("select distinct hashtag from comet_discoveries where user_id = %s order by hashtag", "7" * 19)
    assert {row["hashtag"] for row in found} == {"日本語🏋️", "gymtok"}
    warnings = [line for line in capsys.readouterr().out.splitlines() if "videos carry the hashtag" in line]
    assert all("[warning" in line for line in warnings)
    assert "#gymtok: only 1 of 15 videos carry the hashtag; TikTok's search matched other words." in warnings[1]


def video(
    number: int,
    user_id: str,
    *,
    plays: int,
    followers: int | None = None,
    nickname: str = "A creator",
    caption: str = "a video",
    handle: str | None = None,
    hashtags: list[str] | None = None,
) -> dict[str, Any]:
    """Return a card of a search page in TikHub's format."""
    return {
        "aweme_info": {
            "aweme_id": str(7_500_000_000_000_000_000 + number),
            "desc": caption,
            "create_time": 1_772_000_000,
            "statistics": {"play_count": plays},
            **({} if hashtags is None else {"text_extra": [{"hashtag_name": tag} for tag in hashtags]}),
            "author": {
                "uid": user_id,
                "unique_id": handle or f"user.{user_id}",
                "nickname": nickname,
                **({} if followers is None else {"follower_count": followers}),
            },
        }
    }
