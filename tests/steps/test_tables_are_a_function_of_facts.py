"""Random worlds and schedules of runs: the tables equal an independent computation from the facts."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from typing import LiteralString

import psycopg
from hypothesis import HealthCheck, Phase, given, settings

from tests.conftest import PROFILE_VARIABLE
from tests.steps.builders import Facts, Row, clear_tables, everything
from tests.steps.model import History, Tables
from tests.steps.playback import Playback
from tests.steps.score_model import Ranking, nine_digits
from tests.steps.worlds import World, worlds

WORLD_COUNT = 200
LONG_WORLD_COUNT = 600
"""Enough for the rarest of the deliberate faults; the first 20 find most of them."""
SCORES: LiteralString = """
    select
        user_id, counted_date, score, is_low_confidence, growth_rate, coalesce(growth_7d_rate, growth_1d_rate),
        acceleration / nullif(follower_count, 0), engagement_rate, view_follower_ratio, breakout_ratio,
        (ranks -> 'growth' ->> 'percentile')::float8, (ranks -> 'acceleration' ->> 'percentile')::float8,
        (ranks -> 'engagement' ->> 'percentile')::float8, (ranks -> 'reach' ->> 'percentile')::float8,
        (ranks -> 'breakout' ->> 'percentile')::float8
    from comet_scores
    where recorded_date = %s
"""
EVENTS = {
    "worlds",
    "missing",
    "graduated",
    "estimated",
    "late",
    "fall to 0",
    "jump",
    "rename",
    "crash",
    "failed check",
    "every hashtag failed",
    "replay",
    "key moved",
    "both keys",
    "older count",
    "repeated",
    "scored by all but a breakout",
    "tie",
}


def test_tables_are_a_function_of_facts(connection: psycopg.Connection[Row]) -> None:
    """Finished runs leave the computed tables, so do repeated ones, and a third execution writes nothing."""
    count = LONG_WORLD_COUNT if os.environ.get(PROFILE_VARIABLE) == "long" else WORLD_COUNT
    happened = compare_worlds(connection, count)
    assert happened["worlds"] >= count
    # Worlds without events would agree with any computation.
    assert set(happened) == EVENTS
    assert min(happened.values()) >= 3, happened


def compare_worlds(connection: psycopg.Connection[Row], count: int = WORLD_COUNT) -> Counter[str]:
    """Play random worlds and compare their tables with the model; return how often each of EVENTS happened.

    :raises AssertionError: a table differs
    """
    happened: Counter[str] = Counter()
    # For tens of thousands of statements on a few rows, planning would take most of the time.
    connection.execute("set plan_cache_mode = force_generic_plan")

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        # Shrinking would take minutes.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(world=worlds())
    def holds(world: World) -> None:
        clear_tables(connection)
        facts = Facts(connection)
        playback = Playback(world, facts, lambda history, on: happened.update(scored(facts, history, on)))
        playback.play()
        tables = Tables(playback.history)
        assert_equal(facts, tables)
        happened.update(events(world, tables))
        if world.is_repeated:
            playback.clear_all(backwards=True)
            assert_equal(facts, Tables(playback.history))
            # Only the second repeat scores all dates from all facts: a ranking states what is known at its time.
            playback.clear_all()
            before = written(connection)
            playback.clear_all()
            assert written(connection) == before

    holds()
    return happened


def written(connection: psycopg.Connection[Row]) -> list[Row]:
    """Return all rows with the transaction that wrote them, except where each run replaces its own rows."""
    return [
        (table, row, None if table == "comet_run_discoveries" else transaction)
        for table, row, transaction in everything(connection)
    ]


def assert_equal(facts: Facts, tables: Tables) -> None:
    """Compare every derived table row by row."""
    run_dates = {(on,) for on in tables.history.run_dates}
    assert set(facts.rows("select recorded_date from comet_dates where is_run")) == run_dates
    assert facts.rows("select recorded_date from creator_stats except select recorded_date from comet_dates") == []
    assert (
        set(
            facts.rows(
                "select recorded_date, user_id, video_id, hashtag, follower_count, play_count, max_followers, "
                "found_at "
                "from comet_discoveries"
            )
        )
        == tables.discoveries
    )
    assert (
        set(
            facts.rows(
                "select user_id, first_found_at, tracked_since, status, last_updated_at, handle, nickname, avatar_url, "
                "signature, sec_uid, handle_observed_at, nickname_observed_at, avatar_url_observed_at, "
                "signature_observed_at, sec_uid_observed_at from creators"
            )
        )
        == tables.creators
    )
    assert set(facts.rows("select user_id, handle, first_seen_at from comet_handles")) == tables.handles
    assert (
        set(
            facts.rows(
                "select user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, "
                "daily_growth_percent, basis, date_trunc('second', counted_at + interval '0.5 s'), gap_days "
                "from creator_stats"
            )
        )
        == tables.creator_stats
    )
    assert facts.rows("select user_id from creators where not is_settled") == []


def scored(facts: Facts, history: History, on: date) -> set[str]:
    """Compare the ranking of a date with the facts so far; return which of EVENTS it shows."""
    stats = facts.rows("select user_id, recorded_date, follower_count, basis, counted_at from creator_stats")
    statuses = facts.rows("select user_id, status from creators")
    ranking = Ranking(on, history, stats, dict(statuses)).rows
    assert {(*row[:4], *map(nine_digits, row[4:])) for row in facts.rows(SCORES, on)} == ranking
    happened = {
        "older count": any(row[1] < on for row in ranking),
        "scored by all but a breakout": any(None not in row[10:14] for row in ranking),
        "tie": any(row[10] == nine_digits(0.5) for row in ranking),
    }
    return {event for event, is_so in happened.items() if is_so}


def events(world: World, tables: Tables) -> set[str]:
    """Return which of EVENTS happened in a world."""
    statuses = {status for _, _, _, status, *_ in tables.creators}
    bases = {basis for *_, basis, _, _ in tables.creator_stats}
    growth = [percent for *_, percent, _, _, _ in tables.creator_stats if percent is not None]
    happened = {
        "worlds": True,
        "missing": "missing" in statuses,
        "graduated": "graduated" in statuses,
        "estimated": "estimated" in bases,
        "late": "late" in bases,
        "fall to 0": any(count == 0 for _, _, count, *_ in tables.creator_stats),
        "jump": any(percent > 1000 for percent in growth),
        "rename": len(tables.handles) > len(tables.creators),
        "crash": any(request.crashes for request in world.requests),
        "failed check": any(crash.is_check for request in world.requests for crash in request.crashes),
        "every hashtag failed": any(request.is_without_search for request in world.requests),
        "replay": any(not request.is_live for request in world.requests),
        "repeated": world.is_repeated,
        "key moved": any(creator.is_keyed_by_sec_uid and tables.legacy[creator.user_id] for creator in world.legacy),
        "both keys": len({creator.user_id for creator in world.legacy}) < len(world.legacy),
    }
    return {event for event, is_so in happened.items() if is_so}
