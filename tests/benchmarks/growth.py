"""The SQL steps of a day after a long history; `record_growth` is compared with plain writing and the original's way.

Cases, each rolled back: a new day with all creators read; the same day again; a day with a quarter of the creators read
after three days without, which also fills those days; and a date in the middle, run late, with nothing read.

Plain writing updates and inserts the rows that the step wrote, in the order of the key, without computing anything.

The original's way is a select and an upsert per creator in random order, timed for a sample and scaled. It neither
estimates nor repairs later dates, so only the new day is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.benchmarks import original
from tests.benchmarks.common import BenchmarkError, Row, interleave, run_script, seconds, show
from tests.benchmarks.seed import FOUND, GROWTH, SCORES, SIZES, Connection, Size, connect, history, land_day, run_steps

ROUNDS = 5
SAMPLE = 5_000
QUARTER = 0.25
NEW, AGAIN, PART, MIDDLE, BY_ROWS = "new day", "same day again", "quarter read", "date in the middle", "by rows"
TARGETS = {NEW: 3.5, PART: 2.5, MIDDLE: 1.5}
"""Maximum ratios to plain writing."""
COLUMNS = (
    "user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent, "
    "basis, counted_at, gap_days"
)
CHANGED_TABLES = (
    "creators, creator_stats, comet_dates, comet_discoveries, comet_handles, comet_pages, comet_profiles, "
    "comet_run_discoveries, comet_scores, comet_videos"
)


def main(size_name: str, folder: Path) -> None:
    """Print the ratios."""
    size = SIZES[size_name]
    with history(folder, size) as url, connect(url) as connection:
        counts: dict[str, int] = {}
        rounds = interleave(lambda number: measure(connection, size, counts), ROUNDS)
    rows = [
        *(
            Row(
                f"{GROWTH}, {case}, {counts[case]:,} rows",
                rounds[case],
                "plain writing",
                rounds[plain_of(case)],
                limit,
            )
            for case, limit in TARGETS.items()
        ),
        Row(f"{GROWTH}, {NEW}", rounds[NEW], "the original's way", rounds[BY_ROWS], target=1 / 15),
        Row(f"{GROWTH}, {AGAIN}", rounds[AGAIN], NEW, rounds[NEW], target=1),
        *(Row(f"{step}, {NEW}", rounds[step]) for step in (*FOUND, SCORES)),
    ]
    show(f"SQL of a day, {size.creators:,} creators after {size.dates - 1} dates", rows, size_name)


def measure(connection: Connection, size: Size, counts: dict[str, int]) -> Mapping[str, float]:
    """Time every case once, and plain writing of the same rows."""
    taken: dict[str, float] = {}
    for case in (NEW, PART, MIDDLE):
        with landed(connection, size, case) as run_id:
            steps = {step: time_step(connection, run_id, step) for step in FOUND if case != MIDDLE}
            taken[case] = time_step(connection, run_id, GROWTH)
            written = written_rows(connection)
            if case == NEW:
                taken |= steps
                taken[AGAIN] = time_repetition(connection, run_id)
                taken[SCORES] = time_step(connection, run_id, SCORES)
        with landed(connection, size, case):
            counts[case], taken[plain_of(case)] = write_plainly(connection, written)
        if case == NEW:
            with landed(connection, size, case):
                taken[BY_ROWS] = counts[case] * seconds_per_creator(connection, size)
    return taken


def plain_of(case: str) -> str:
    """Return the name of a case's plain writing."""
    return f"{case}, plain"


@contextmanager
def landed(connection: Connection, size: Size, case: str) -> Iterator[str]:
    """Land the facts of a case; yield the id of its run, and roll back at the end."""
    with connection.transaction(force_rollback=True):
        if case == MIDDLE:
            yield land_day(connection, size, size.left_out_day, share=0, hashtags=0)
        else:
            share = QUARTER if case == PART else 1
            run_id = land_day(connection, size, size.dates, share=share)
            connection.execute("analyze comet_profiles")
            connection.execute(
                """
                delete from creator_stats as stats
                using comet_profiles as profile
                where
                    profile.run_id = %(run_id)s
                    and stats.user_id = profile.user_id
                    and stats.recorded_date > %(last_date)s::date + 1 - %(days_each)s::integer
                """,
                {"run_id": run_id, "last_date": size.last_date, "days_each": round(1 / share)},
            )
            yield run_id
    connection.execute(f"vacuum {CHANGED_TABLES}".encode())


def time_step(connection: Connection, run_id: str, step: str) -> float:
    """Run a step as its task does; return the seconds."""
    return seconds(lambda: run_steps(connection, run_id, [step]))


def written_rows(connection: Connection) -> bytes:
    """Return the snapshots written by this transaction, in the order of their key."""
    query = f"""
        copy (
            select {COLUMNS} from creator_stats
            where xmin::text::bigint >= pg_current_xact_id()::text::bigint
            order by recorded_date, user_id
        ) to stdout
    """
    with psycopg.Cursor(connection).copy(query.encode()) as rows:
        return b"".join(bytes(block) for block in rows)


def write_plainly(connection: Connection, rows: bytes) -> tuple[int, float]:
    """Write rows by plain SQL; return their number and the seconds."""
    connection.execute(
        f"create temp table given on commit drop as select {COLUMNS} from creator_stats limit 0".encode()
    )
    with psycopg.Cursor(connection).copy("copy given from stdin") as copy:
        copy.write(rows)
    connection.execute(
        """
        create temp table plain_rows on commit drop as
        select given.*, stats.id
        from given
        left join creator_stats as stats
            on given.recorded_date = stats.recorded_date and given.user_id = stats.user_id
        order by given.recorded_date, given.user_id
        """
    )
    connection.execute("analyze plain_rows")
    values = ", ".join(f"{column} = plain_rows.{column}" for column in COLUMNS.split(", "))
    statements = [
        f"update creator_stats as stats set {values} from plain_rows where stats.id = plain_rows.id",
        f"insert into creator_stats ({COLUMNS}) select {COLUMNS} from plain_rows where id is null",
    ]
    taken = seconds(lambda: [connection.execute(statement.encode()) for statement in statements])
    row = connection.execute("select count(*) from plain_rows").fetchone()
    return (row[0] if row else 0), taken


def time_repetition(connection: Connection, run_id: str) -> float:
    """Repeat the growth of a day; return the seconds.

    :raises BenchmarkError: the step wrote rows.
    """
    query = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_xact_user_tables"
    before = connection.execute(query).fetchone()
    taken = time_step(connection, run_id, GROWTH)
    if connection.execute(query).fetchone() != before:
        raise BenchmarkError(f"{GROWTH} wrote rows though nothing has changed.")
    return taken


def seconds_per_creator(connection: Connection, size: Size) -> float:
    """Return the seconds per creator of the original's way, for a sample of the new day."""
    profiles = connection.execute(
        """
        select user_id, follower_count, heart_count, video_count
        from comet_profiles
        where recorded_date > %s and outcome = 'found'
        order by md5(user_id)
        limit %s
        """,
        [size.last_date, SAMPLE],
    ).fetchall()
    day = size.date_of(size.dates)
    return seconds(lambda: original.record_growth(connection, day, profiles)) / len(profiles)


if __name__ == "__main__":
    run_script(main)
