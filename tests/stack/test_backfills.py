"""Backfills of missed days by the real scheduler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from comets.settings import DAG_ID
from include.stack.environment import SANDBOX_DATABASE, SANDBOX_KEY
from tests.dags.worlds import PROFILE, cast, page_of
from tests.secret_scan import CACHE_LINK, findings
from tests.stack.running_stack import DATABASE_PASSWORD, RunningStack

CONF = {"hashtags": ["gymtok"], "pages_per_hashtag": 2}
RESULT_TABLES = (
    "creators",
    "creator_stats",
    "comet_discoveries",
    "comet_handles",
    "comet_dates",
)
STORED_TABLES = (*RESULT_TABLES, "comet_profiles", "comet_videos", "comet_pages", "comet_searches")
SURROGATES = {"id", "item_id", "run_id", "found_by_run_id"}

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class FourDays:
    """Results after days 1 and 4 ran on time and days 2 and 3 were backfilled on day 4."""

    results: Tables
    stored: Tables
    profiles_of_day_4: set[str]
    backfill_calls: list[Row]
    sandbox_calls_of_backfill: int
    true_gains: dict[str, int]

    def followers(self, number: int, basis: str) -> dict[str, int]:
        """Return the follower counts of a day with a basis, by user_id."""
        return {row["user_id"]: row["follower_count"] for row in self.snapshots(number) if row["basis"] == basis}

    def snapshots(self, number: int) -> list[Row]:
        """Return the rows of creator_stats of a day."""
        return [row for row in self.results["creator_stats"] if row["recorded_date"] == str(day(number))]

    def known_on_days_1_and_4(self) -> list[str]:
        """Return the creators with counts measured on both days."""
        return sorted(self.followers(1, "observed").keys() & self.followers(4, "observed").keys())


@pytest.fixture(scope="module")
def day_4(stack: RunningStack) -> str:
    """Name of a copy of the creators' database after days 1 and 4."""
    stack.reset()
    for number in (1, 4):
        stack.sandbox.set_clock(at(number))
        stack.run(at(number), CONF)
    stack.copy_database(SANDBOX_DATABASE, "day_4")
    return "day_4"


@pytest.fixture(scope="module")
def forwards(stack: RunningStack, day_4: str) -> FourDays:
    """Days 2 and 3 backfilled on day 4, oldest first."""
    return fill_days_2_and_3(stack)


@pytest.fixture(scope="module")
def run_again(stack: RunningStack, forwards: FourDays) -> tuple[Tables, int]:
    """Days 2 and 3 backfilled again: the stored rows, and the number of calls."""
    stack.sandbox.clear_calls()
    backfill_days_2_and_3(stack, "--reprocess-behavior", "completed")
    return tables(stack, STORED_TABLES), len(stack.sandbox.calls())


@pytest.fixture(scope="module")
def backwards(stack: RunningStack, day_4: str, run_again: tuple[Tables, int]) -> FourDays:
    """Days 2 and 3 backfilled from the same start, newest first."""
    stack.delete_backfilled_runs()
    stack.copy_database(day_4, SANDBOX_DATABASE)
    return fill_days_2_and_3(stack, "--run-backwards")


def test_all_four_days_count_as_run(forwards: FourDays) -> None:
    assert [row["recorded_date"] for row in forwards.results["comet_dates"]] == [str(day(n)) for n in (1, 2, 3, 4)]


def test_missed_dates_are_interpolated_between_known_counts(forwards: FourDays) -> None:
    known = forwards.known_on_days_1_and_4()
    assert len(known) > 3
    then, now = forwards.followers(1, "observed"), forwards.followers(4, "observed")
    assert any(then[user_id] != now[user_id] for user_id in known)
    for number in (2, 3):
        estimated = forwards.followers(number, "estimated")
        expected = {user_id: between(then[user_id], now[user_id], number) for user_id in known}
        assert {user_id: estimated[user_id] for user_id in known} == expected
        assert forwards.followers(number, "observed") == {}


def test_growth_is_relative_to_the_estimate_and_sums_to_the_true_gain(forwards: FourDays) -> None:
    growth = {(row["user_id"], row["recorded_date"]): row for row in forwards.results["creator_stats"]}
    estimated, now = forwards.followers(3, "estimated"), forwards.followers(4, "observed")
    for user_id in forwards.known_on_days_1_and_4():
        days = [growth[user_id, str(day(number))] for number in (2, 3, 4)]
        assert days[-1]["daily_growth_followers"] == now[user_id] - estimated[user_id]
        assert [row["gap_days"] for row in days] == [1, 1, 1]
        assert sum(row["daily_growth_followers"] for row in days) == forwards.true_gains[user_id]


def test_backfill_does_not_fetch_profiles_read_later(forwards: FourDays) -> None:
    assert forwards.profiles_of_day_4
    asked = {call["user_id"] for call in forwards.backfill_calls if call["user_id"]}
    assert asked & forwards.profiles_of_day_4 == set()
    assert forwards.sandbox_calls_of_backfill == len(forwards.backfill_calls) > 0


def test_rerun_of_finished_dates_makes_no_call_and_changes_no_row(
    forwards: FourDays, run_again: tuple[Tables, int]
) -> None:
    stored, calls = run_again
    assert calls == 0
    for table in STORED_TABLES:
        assert forwards.stored[table], table
        assert stored[table] == forwards.stored[table], table


def test_backfill_direction_does_not_matter(forwards: FourDays, backwards: FourDays) -> None:
    for table in RESULT_TABLES:
        assert backwards.results[table] == forwards.results[table], table


def test_no_process_writes_a_secret_that_tikhub_or_the_database_echoes(
    stack: RunningStack,
) -> None:
    """LocalExecutor prints the output of tasks without Airflow's masking."""
    stack.reset()
    hashtags = ["echoing_page", "redirect", "gymtok"]
    stack.sandbox.set_clock(at(5))
    stack.sandbox.set_faults(
        {"keyword": hashtags[0], "fault": "html", "status": 404},
        {"keyword": hashtags[1], "fault": "redirect"},
        page_of(*cast(2), hashtag=hashtags[2]),
        {"route": PROFILE, "fault": "status", "status": 401},
    )
    run_id = stack.api.start(at(5), {"hashtags": hashtags, "pages_per_hashtag": 1})
    stack.wait_for_task(run_id, "report", {"failed"})
    failures = "\n".join(stack.api.failures(DAG_ID, run_id))
    assert "extract_videos" in failures
    assert "refused the API key" in failures
    with stack.closed_database():
        refused = stack.api.start(at(6), CONF)
        stack.wait_for_task(refused, "accept_run", {"up_for_retry", "failed"})
    stack.end_of(refused)
    written = stack.written()
    output = "".join(written["output of processes"])
    for words in (
        "does not know this route",
        "sent a redirect",
        "refused the API key",
        "is not currently accepting",
    ):
        assert words in output
        assert words in "".join(written["task logs"])
    secrets = {"API key": SANDBOX_KEY, "database password": DATABASE_PASSWORD, "cache link": CACHE_LINK}
    assert findings(written, {**secrets, "authorization": "Bearer sandbox"}) == []
    assert findings({"a process": [output, f"{SANDBOX_KEY}"]}, secrets) == ["API key in a process"]


def fill_days_2_and_3(stack: RunningStack, *backfill_arguments: str) -> FourDays:
    """Backfill days 2 and 3 on day 4; return the results."""
    read = stack.rows("select user_id from comet_profiles where recorded_date = %s", day(4))
    stack.sandbox.clear_calls()
    backfill_days_2_and_3(stack, *backfill_arguments, "--dag-run-conf", json.dumps(CONF))
    return FourDays(
        results=without_surrogates(tables(stack, RESULT_TABLES)),
        stored=tables(stack, STORED_TABLES),
        profiles_of_day_4={row["user_id"] for row in read},
        backfill_calls=stack.rows("select * from comet_calls where starts_with(run_id, 'backfill__')"),
        sandbox_calls_of_backfill=len(stack.sandbox.calls()),
        true_gains=true_gains(stack),
    )


def backfill_days_2_and_3(stack: RunningStack, *arguments: str) -> None:
    """Backfill both days at once; a bare end date would exclude its 02:00 run."""
    days = ("--from-date", str(day(2)), "--to-date", f"{day(3)}T23:59:59")
    stack.backfill(*days, "--max-active-runs", "2", *arguments)


def tables(stack: RunningStack, names: tuple[str, ...]) -> Tables:
    """Return the full contents of tables, with sorted rows."""
    contents = {}
    for name in names:
        rows = stack.rows(f"select to_jsonb(stored) as row from {name} as stored")
        contents[name] = in_order([row["row"] for row in rows])
    return contents


def without_surrogates(contents: Tables) -> Tables:
    """Return the contents without surrogate keys."""
    return {
        name: in_order([{column: row[column] for column in row.keys() - SURROGATES} for row in rows])
        for name, rows in contents.items()
    }


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def true_gains(stack: RunningStack) -> dict[str, int]:
    """Return each tracked creator's true gain from day 1 to day 4; leave the clock on day 4."""
    counts = {}
    for number in (1, 4):
        stack.sandbox.set_clock(at(number))
        for row in stack.rows("select user_id from creators"):
            counts[row["user_id"], number] = stack.sandbox.creator(row["user_id"])["follower_count"]
    return {user_id: counts[user_id, 4] - counts[user_id, 1] for user_id, number in counts if number == 4}


def between(then: int, now: int, number: int) -> int:
    """Return the interpolated count of day 2 or 3, rounded half away from zero."""
    exact = Decimal(then) + Decimal((now - then) * (number - 1)) / 3
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def day(number: int) -> date:
    """Return the date of a day."""
    return date(2026, 3, number)


def at(number: int) -> datetime:
    """Return the scheduled instant of a day."""
    return datetime(2026, 3, number, 2, tzinfo=UTC)
