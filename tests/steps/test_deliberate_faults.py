"""Mutation tests: each deliberate fault in the SQL makes the random worlds disagree with the model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.conftest import PROFILE_VARIABLE
from tests.steps import builders
from tests.steps.test_tables_are_a_function_of_facts import LONG_WORLD_COUNT, compare_worlds

pytestmark = pytest.mark.skipif(os.environ.get(PROFILE_VARIABLE) != "long", reason="takes minutes: long profile only")


@dataclass(frozen=True)
class Fault:
    """A text of a file and its faulty replacement."""

    file: str
    right: str
    wrong: str


SETUP, FILTER, UPSERT, GROWTH, SCORES = (
    "setup_database",
    "filter_comets",
    "upsert_creators",
    "record_growth",
    "score_creators",
)
FAULTS = {
    "readings of dates that were not run count": Fault(
        SETUP, " = landed.recorded_date and landed.is_run", " = landed.recorded_date"
    ),
    "readings of the first day do not count": Fault(
        SETUP, "observed_date >= coalesce(creator.tracked", "observed_date > coalesce(creator.tracked"
    ),
    "a late row begins a span": Fault(
        GROWTH, "lookups.recorded_date - 1, '{observed}'", "lookups.recorded_date - 1, '{observed,late}'"
    ),
    "the first snapshot is the newest": Fault(
        SETUP, "<= of_date\n    order by date.recorded_date desc", "<= of_date\n    order by date.recorded_date"
    ),
    "the original's zeros are known": Fault(
        SETUP,
        "or counted_at is not null or follower_count > 0;",
        "or counted_at is not null or follower_count >= 0;",
    ),
    "a late row is ranked": Fault(SETUP, "    on stats.basis <> 'late' and stats", "    on stats"),
    "a rate starts from a late row": Fault(
        SETUP, "wanted_days, '{observed,estimated}'", "wanted_days, '{observed,estimated,late}'"
    ),
    "rates go by dates": Fault(
        SETUP,
        "select coalesce(date_part('epoch', to_instant - from_instant) / 86400, to_date - from_date)",
        "select (to_date - from_date)::double precision",
    ),
    "a base less than half a window away counts": Fault(SETUP, "days >= day_count / 2.0", "days > 0"),
    "the oldest reading of a video counts": Fault(
        SETUP,
        "reading.observed_at desc,\n        reading.play_count desc",
        "reading.observed_at asc,\n        reading.play_count desc",
    ),
    "found_at is when the views were read": Fault(
        FILTER,
        "        greatest(\n            landed.observed_at,",
        "        coalesce(\n            landed.observed_at,",
    ),
    "a first discovery does not move back": Fault(
        UPSERT,
        "where creator.first_found_at > excluded.first_found_at",
        "where creator.first_found_at < excluded.first_found_at",
    ),
    "a creator found earlier stays settled": Fault(
        UPSERT,
        "tracked_since = excluded.tracked_since,\n    is_settled = false",
        "tracked_since = excluded.tracked_since",
    ),
    "a moved history stays settled": Fault(
        UPSERT, "tracked_since = null,\n    is_settled = false", "tracked_since = null"
    ),
    "the moved row beats that of the numeric id": Fault(
        UPSERT, "stats.user_id = migration.user_id desc", "stats.user_id = migration.user_id"
    ),
    "the oldest attribute wins": Fault(
        UPSERT, "array_agg(handle order by observed_at desc)", "array_agg(handle order by observed_at asc)"
    ),
    "a search beats a profile": Fault(
        GROWTH,
        "array_agg(follower_count order by observed_at desc, is_profile desc",
        "array_agg(follower_count order by observed_at desc, is_profile asc",
    ),
    "the first count of a date counts": Fault(
        GROWTH,
        "array_agg(follower_count order by observed_at desc",
        "array_agg(follower_count order by observed_at asc",
    ),
    "dates that were not run are estimated": Fault(
        GROWTH, "span.recorded_date > date.recorded_date and date.is_run", "span.recorded_date > date.recorded_date"
    ),
    "creators without a discovery are late": Fault(
        GROWTH,
        "where discovery.recorded_date = date.recorded_date and discovery.user_id = span.user_id",
        "where discovery.recorded_date = date.recorded_date",
    ),
    "imported rows without a count are estimated": Fault(
        GROWTH, "and coalesce(uncounted.follower_count, 0) = 0", "and false"
    ),
    "estimates are truncated": Fault(
        GROWTH,
        "            round(\n                span.from_count",
        "            trunc(\n                span.from_count",
    ),
    "imported rows get a growth": Fault(GROWTH, "(basis <> 'observed' or counted_at is not null)", "true"),
    "growth skips the row before": Fault(GROWTH, "lag(follower_count, 1, from_count) over by_date", "from_count"),
    "the row after the run's date keeps its growth": Fault(
        GROWTH, "in (recorded_date, recorded_date - gap_days)", "= recorded_date"
    ),
    "the span after a new count is not derived": Fault(
        GROWTH, "is_changed or lag(is_changed, 1, false) over by_date", "is_changed"
    ),
    "an added date estimates no rows": Fault(
        GROWTH, "run.recorded_date < (select max", "run.recorded_date > (select max"
    ),
    "discarded and refused profiles count": Fault(
        SETUP, "outcome = 'found' and not is_discarded as is_shown", "outcome in ('found', 'refused') as is_shown"
    ),
    "failures during an outage count": Fault(SETUP, "answer.observed_date = failure.observed_date", "true"),
    "the upper end of the band is outside": Fault(
        GROWTH, "latest.follower_count > coalesce(band", "latest.follower_count >= coalesce(band"
    ),
    "missing creators are ranked": Fault(SCORES, " and creator.status <> 'missing'", ""),
    "graduated creators are ranked among the others": Fault(
        SCORES, "(partition by is_graduated, part order by value)", "(partition by part order by value)"
    ),
    "a tie is worth nothing": Fault(
        SCORES, "(rank() over by_value - 1 + count(*) over by_value)", "(2 * rank() over by_value - 2)"
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_the_sql_fails_the_random_worlds(
    name: str, new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    folder = tmp_path / "sql"
    shutil.copytree(builders.SQL_FOLDER, folder)
    file = folder / f"{fault.file}.sql"
    text = file.read_text(encoding="utf-8")
    assert text.count(fault.right) >= 1
    file.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    monkeypatch.setattr(builders, "SQL_FOLDER", folder)
    builders.statements.cache_clear()
    try:
        with psycopg.connect(new_database(), autocommit=True) as connection:
            connection.execute((folder / "setup_database.sql").read_bytes())
            with pytest.raises(AssertionError):
                compare_worlds(connection, LONG_WORLD_COUNT)
    finally:
        builders.statements.cache_clear()
