"""Whole runs of the Dag through Airflow's task runner, on a real PostgreSQL and real HTTP to the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from include.sandbox.client import SandboxClient
from tests.dags.worlds import RunDag

Rows = Callable[..., list[dict[str, Any]]]

MARCH_1 = "2026-03-01T02:00:00+00:00"
SEARCH = "fetch_video_search_result"
PROFILE = "handler_user_profile"


def report_of(log: str) -> str:
    """What the task `report` has written."""
    return log[log.rindex("Total Comets discovered") :]


@pytest.fixture
def march(sandbox: SandboxClient) -> SandboxClient:
    sandbox.set_clock(MARCH_1)
    return sandbox


def test_hashtags_in_growing_comets_out(
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
    assert re.search(r"#gymtok: page at offset 20 gave \d+ items", log)
    assert re.search(r"gymtok +\w+.*\d+ +\d+ +\d+", log)
    assert tikhub_connection not in log


def test_a_run_triggered_without_a_logical_date_owns_the_day_it_was_triggered(
    run_dag: RunDag, rows: Rows, sandbox: SandboxClient
) -> None:
    outcome = run_dag(None, {"hashtags": ["gymtok"], "pages_per_hashtag": 1})
    assert outcome.state == "success"
    [run] = rows("select recorded_date, is_live, accepted_at from comet_runs")
    assert run["is_live"]
    assert run["recorded_date"] == run["accepted_at"].date()


@pytest.mark.parametrize(
    "conf",
    [
        {"hashtags": ["#"]},
        {"hashtags": ["gymtok", "#two words"]},
        {"hashtags": ["gymtok"], "min_followers": 5, "max_followers": 1},
        {"hashtags": ["gymtok"], "hashtag": "typo"},
    ],
    ids=["empty hashtag", "impossible hashtag", "empty band", "unknown param"],
)
def test_a_refused_run_makes_no_call_and_leaves_no_date(
    run_dag: RunDag, rows: Rows, sandbox: SandboxClient, conf: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run_dag(MARCH_1, conf)
    assert outcome.state == "failed"
    assert outcome.tasks.pop("accept_run") == "failed"
    assert set(outcome.tasks.values()) == {"upstream_failed"}
    assert sandbox.calls() == []
    assert rows("select from comet_runs") == []
    assert rows("select from comet_dates") == []
    assert "The run is refused, no call was made" in capsys.readouterr().out


def test_a_date_in_the_future_is_refused_before_any_call(
    run_dag: RunDag, rows: Rows, sandbox: SandboxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    outcome = run_dag(tomorrow.isoformat(), {"hashtags": ["gymtok"]})
    assert outcome.tasks["accept_run"] == "failed"
    assert sandbox.calls() == []
    assert rows("select from comet_runs") == []
    assert f"its logical date is {tomorrow.date()}, and today is" in capsys.readouterr().out


def test_a_database_without_the_schema_is_named_at_once_with_the_file(
    run_dag: RunDag, rows: Rows, sandbox: SandboxClient, capsys: pytest.CaptureFixture[str], comets_connection: str
) -> None:
    with psycopg.connect(comets_connection) as connection:
        connection.execute("drop table comet_schema")
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok"]})
    assert outcome.tasks["accept_run"] == "failed"
    assert sandbox.calls() == []
    assert "include/sql/setup_database.sql" in capsys.readouterr().out


def test_one_hashtag_failing_for_ever_stops_no_other_and_is_named_with_the_way_to_heal(
    run_dag: RunDag, rows: Rows, march: SandboxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    march.set_faults({"route": SEARCH, "keyword": "gymtok", "fault": "status", "status": 500})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok", "cozygaming"]})
    assert outcome.state == "failed"
    assert outcome.tasks["extract_videos[0]"] == "failed"
    assert outcome.tasks["extract_videos[1]"] == "success"
    assert outcome.tasks["record_growth"] == "success"
    assert rows("select from creator_stats")
    assert {row["hashtag"] for row in rows("select distinct hashtag from comet_discoveries")} == {"cozygaming"}
    failing = [call for call in march.calls(SEARCH) if call["params"]["keyword"] == "gymtok"]
    assert len(failing) == 3
    log = capsys.readouterr().out
    assert "1 hashtag(s) failed: #gymtok" in log
    assert "clear the failed task instance" in log


def test_what_a_failed_hashtag_has_landed_is_filtered_too(run_dag: RunDag, rows: Rows, march: SandboxClient) -> None:
    march.set_faults({"route": SEARCH, "keyword": "gymtok", "offset": 40, "fault": "status", "status": 500})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok", "cozygaming"]})
    assert outcome.tasks["extract_videos[0]"] == "failed"
    assert rows("select from comet_discoveries where hashtag = 'gymtok'")
    offsets = [int(call["params"]["offset"]) for call in march.calls(SEARCH) if call["params"]["keyword"] == "gymtok"]
    assert offsets == [0, 20, 40, 40, 40]


def test_a_second_run_of_the_date_goes_on_where_a_failed_one_stopped(
    run_dag: RunDag, rows: Rows, march: SandboxClient
) -> None:
    march.set_faults({"route": SEARCH, "offset": 40, "fault": "status", "status": 500})
    run_dag(MARCH_1, {"hashtags": ["gymtok"]})
    march.set_faults()
    march.clear_calls()
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok"]})
    assert outcome.state == "success"
    offsets = [int(call["params"]["offset"]) for call in march.calls(SEARCH)]
    assert offsets[0] == 40


def test_when_every_hashtag_fails_nothing_is_filtered_and_the_date_still_counts_as_run(
    run_dag: RunDag, rows: Rows, march: SandboxClient
) -> None:
    march.set_faults({"route": SEARCH, "fault": "status", "status": 503})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok", "cozygaming"]})
    assert outcome.state == "failed"
    assert outcome.tasks["filter_comets"] == "upstream_failed"
    assert outcome.tasks["upsert_creators"] == "upstream_failed"
    assert outcome.tasks["record_growth"] == "success"
    assert outcome.tasks["report"] == "failed"
    assert rows("select recorded_date::text from comet_dates") == [{"recorded_date": "2026-03-01"}]


def test_after_an_empty_balance_the_siblings_make_no_further_call(
    run_dag: RunDag, march: SandboxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    march.set_faults({"route": SEARCH, "fault": "status", "status": 402})
    run_dag(MARCH_1, {"hashtags": ["a", "b", "c", "d"]})
    assert len(march.calls()) == 1
    stopped = "Stopped: TikHub refused a call for lack of balance (HTTP 402), so this run makes no further one: "
    log = capsys.readouterr().out
    assert f"CallRefusedError: {stopped}" in log
    assert report_of(log).count(stopped) == 1
    assert "4 hashtag(s) failed: #a (stopped, see" in log


def test_a_cut_body_is_asked_for_again_with_smaller_pages(run_dag: RunDag, rows: Rows, march: SandboxClient) -> None:
    march.set_faults({"route": SEARCH, "count_over": 10, "fault": "cut_body"})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok"], "pages_per_hashtag": 2})
    assert outcome.state == "success"
    asked = [(int(call["params"]["offset"]), int(call["params"]["count"])) for call in march.calls(SEARCH)]
    assert asked == [(0, 20), (0, 10), (10, 10), (20, 10), (30, 10)]
    [search] = rows("select stop_reason, next_offset from comet_searches")
    assert search == {"stop_reason": "page limit", "next_offset": 40}


def test_the_budget_is_a_hard_stop_and_what_was_landed_is_used(
    run_dag: RunDag, rows: Rows, march: SandboxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok", "cozygaming"], "max_api_calls": 3})
    assert outcome.state == "failed"
    assert len(march.calls()) == 3
    assert rows("select from comet_pages")
    stopped = "Stopped: The run's budget of 3 TikHub calls is spent: "
    log = capsys.readouterr().out
    assert f"CallRefusedError: {stopped}" in log
    assert report_of(log).count(stopped) == 1
    assert rows("select from comet_refusals where reason = 'budget' and hashtag is not null")


@pytest.mark.parametrize("kind", ["repeated_page", "stuck_cursor", "empty_page"])
def test_a_search_that_would_never_end_ends(run_dag: RunDag, rows: Rows, march: SandboxClient, kind: str) -> None:
    march.set_faults({"route": SEARCH, "offset": 20, "fault": kind})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok"]})
    assert outcome.state == "success"
    assert len(march.calls(SEARCH)) == 2
    [search] = rows("select stop_reason from comet_searches")
    assert search["stop_reason"] == kind.replace("_", " ")


def test_an_author_without_a_follower_count_is_judged_by_a_profile_asked_for_once(
    run_dag: RunDag, rows: Rows, march: SandboxClient
) -> None:
    march.set_faults({"route": SEARCH, "fault": "odd_items", "kinds": ["null_follower_count"] * 20})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok", "cozygaming", "streetinterviews"], "pages_per_hashtag": 2})
    assert outcome.state == "success"
    asked = [call["params"]["sec_user_id"] for call in march.calls(PROFILE)]
    assert len(asked) == len(set(asked)) > 10
    unknown = rows("select distinct user_id from comet_videos where follower_count is null and play_count < 50000")
    qualifying = rows("select distinct user_id from comet_videos where play_count >= 50000")
    landed = {row["user_id"] for row in rows("select user_id from comet_profiles")}
    assert not landed & ({row["user_id"] for row in unknown} - {row["user_id"] for row in qualifying})
    discoveries = rows("select distinct user_id, follower_count from comet_discoveries")
    assert discoveries
    for discovery in discoveries:
        assert discovery["follower_count"] == march.creator(discovery["user_id"])["follower_count"]


def test_an_author_who_cant_be_fetched_is_given_up_without_turning_the_run_red(
    run_dag: RunDag, rows: Rows, march: SandboxClient
) -> None:
    items = [video(1, "900001", plays=60_000), video(2, "900002", plays=60_000, followers=20_000)]
    march.set_faults({"route": SEARCH, "fault": "items", "items": items})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok"], "pages_per_hashtag": 1})
    assert outcome.state == "success"
    asked = [call["params"] for call in march.calls(PROFILE)]
    assert [params.get("user_id") or params["unique_id"] for params in asked[:3]] == ["900001", "user.900001", "900001"]
    assert rows("select user_id from creators") == [{"user_id": "900002"}]


def test_nothing_a_creator_writes_is_interpreted(run_dag: RunDag, rows: Rows, march: SandboxClient) -> None:
    nasty = "'; drop table creators; -- \\ \" % %s %(x)s {{ ds }} {% raw %} $1 \U0001f525"
    items = [
        video(1, "7" * 19, plays=2**40, followers=50_000, nickname=nasty, caption=nasty, handle="o'hara%\\\"{}"),
        video(1, "7" * 19, plays=2**40, followers=50_000, nickname=nasty, caption=nasty, handle="o'hara%\\\"{}"),
        video(2, "8" * 19, plays=50_000, followers=100_000, nickname="nul\x00 and half \ud83d", caption="\udfff"),
        video(3, "6" * 19, plays=50_000, followers=2**33, nickname="too big", caption=""),
    ]
    march.set_faults({"route": SEARCH, "fault": "items", "items": items})
    outcome = run_dag(MARCH_1, {"hashtags": ["日本語🏋️", "gymtok"], "pages_per_hashtag": 1})
    assert outcome.state == "success"
    creators = {row["user_id"]: row for row in rows("select * from creators")}
    assert set(creators) == {"7" * 19, "8" * 19}
    assert creators["7" * 19]["nickname"] == nasty
    assert creators["7" * 19]["handle"] == "o'hara%\\\"{}"
    assert creators["8" * 19]["nickname"] == "nul� and half �"
    found = rows("select distinct hashtag from comet_discoveries where user_id = %s order by hashtag", "7" * 19)
    assert {row["hashtag"] for row in found} == {"日本語🏋️", "gymtok"}


def test_a_search_whose_videos_hardly_carry_the_hashtag_is_warned_of(
    run_dag: RunDag, march: SandboxClient, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [video(number, "7" * 19, plays=50_000, followers=20_000, hashtags=["fyp"]) for number in range(11)]
    items.append(video(11, "7" * 19, plays=50_000, followers=20_000, hashtags=["fyp", "GymTok"]))
    march.set_faults({"route": SEARCH, "keyword": "gymtok", "fault": "items", "items": items})
    outcome = run_dag(MARCH_1, {"hashtags": ["gymtok", "cozygaming"], "pages_per_hashtag": 1})
    assert outcome.state == "success"
    [warning] = [line for line in capsys.readouterr().out.splitlines() if "videos carry the hashtag" in line]
    assert "[warning" in warning
    assert "#gymtok: only 1 of 12 videos carry the hashtag; TikTok's search has matched other words." in warning


def video(
    number: int,
    user_id: str,
    *,
    plays: int,
    followers: int | None = None,
    nickname: str = "Somebody",
    caption: str = "a video",
    handle: str | None = None,
    hashtags: list[str] | None = None,
) -> dict[str, Any]:
    """A card of a search page, as TikHub gives it."""
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


def test_json_conf_is_taken_as_airflows_command_line_gives_it(run_dag: RunDag, march: SandboxClient) -> None:
    assert run_dag(MARCH_1, json.loads('{"hashtags": ["gymtok"], "pages_per_hashtag": 1}')).state == "success"
