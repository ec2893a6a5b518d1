"""Days after a history: what their runs land, and the SQL steps that follow. Nothing of it is kept."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

import psycopg

from tests.benchmarks.sizes import LAST_DATE, Size
from tests.benchmarks.world import Connection, run_file, run_id_of
from tests.sql.builders import PARAMETERS, run_step, statements

DAY = LAST_DATE + timedelta(days=1)
RUN_ID = run_id_of(DAY)
ADDED_RUN_ID = "manual__added"
FOUND = ("filter_comets", "upsert_creators")
GROWTH, SCORES = "record_growth", "score_creators"
LANDING = ("new_run", "searches", "new_pages", "new_videos", "new_profiles")
RUNS = 5
COLUMNS = (
    "user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent, "
    "basis, counted_at, gap_days"
)


@contextmanager
def landed_day(connection: Connection, size: Size, share: float = 1.0) -> Iterator[None]:
    """The day after the last one as its searches and its roll call have landed it; rolled back in the end.

    :param share: so many of the creators are read, each once in 1 / share days: the days since have no row of theirs
    """
    with connection.transaction(force_rollback=True):
        for name in LANDING:
            run_file(connection, name, parameters(size) | {"share": share})
        connection.execute("analyze comet_profiles")
        connection.execute(
            """
            delete from creator_stats as stats
            using comet_profiles as profile
            where
                profile.recorded_date = %(day)s
                and stats.user_id = profile.user_id
                and stats.recorded_date between %(day)s + 1 - %(days_each)s::integer and %(day)s - 1
            """,
            {"day": DAY, "days_each": round(1 / share)},
        )
        yield
    tidy(connection)


@contextmanager
def added_date(connection: Connection, size: Size) -> Iterator[None]:
    """A run of the date in the history that was not run, which lands nothing; rolled back in the end."""
    with connection.transaction(force_rollback=True):
        left_out = size.first_date + timedelta(days=size.left_out_day)
        added = {"new_run_id": ADDED_RUN_ID, "new_date": left_out, "is_live": False}
        run_file(connection, "new_run", parameters(size) | added)
        yield
    tidy(connection)


def parameters(size: Size) -> dict[str, object]:
    """The size and the runs, as the files of `world/` read them."""
    return size.parameters() | {
        "new_run_id": RUN_ID,
        "new_date": DAY,
        "is_live": True,
        "last_run_id": run_id_of(LAST_DATE),
    }


def timed(connection: Connection, step: str, run_id: str = RUN_ID) -> float:
    """Do a step as its task does it; return the seconds that it took."""
    return seconds(lambda: run_step(connection, step, run_id, statement_timeout="0"))


def plans(connection: Connection, step: str, run_id: str = RUN_ID) -> Iterator[str]:
    """Do a step, and tell the plan by which PostgreSQL has executed each of its statements."""
    bound = PARAMETERS | {"run_id": run_id, "statement_timeout": "0"}
    for statement in statements(step):
        if "set_config(" in statement or "advisory" in statement:
            connection.execute(statement, bound)
            continue
        rows = connection.execute(f"explain (analyze, buffers) {statement}".encode(), bound).fetchall()
        yield f"{step}:\n{statement.strip()}\n\n" + "\n".join(str(row[0]) for row in rows)


def written_count(connection: Connection) -> int:
    """How many rows this transaction has written so far, the same one several times if it did."""
    row = connection.execute(
        "select sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint from pg_stat_xact_user_tables"
    ).fetchone()
    return int(row[0]) if row else 0


def first_written(connection: Connection) -> int:
    """The number of this transaction; rows that it writes later have this one or a greater one."""
    row = connection.execute("select pg_current_xact_id()::text::bigint").fetchone()
    return int(row[0]) if row else 0


def keep_written(connection: Connection, url: str, name: str, since: int) -> int:
    """Copy the snapshots that this transaction has written to a table that stays; return how many there are."""
    table = f"benchmark.{name}"
    query = f"""
        copy (
            select {COLUMNS} from creator_stats
            where xmin::text::bigint >= {since}
            order by recorded_date, user_id
        ) to stdout
    """
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f"drop table if exists {table}".encode())
        other.execute(f"create table {table} as select {COLUMNS} from creator_stats limit 0".encode())
        with (
            connection.cursor().copy(query.encode()) as rows,
            other.cursor().copy(f"copy {table} from stdin".encode()) as copy,
        ):
            for block in rows:
                copy.write(block)
        other.execute(f"vacuum analyze {table}".encode())
        row = other.execute(f"select count(*) from {table}".encode()).fetchone()
    return int(row[0]) if row else 0


def time_plain_write(connection: Connection, name: str) -> float:
    """Write the rows that were kept into creator_stats, in their order, as the plainest SQL would; return the seconds.

    Rows that are there already are updated, the others inserted.
    """
    connection.execute(
        f"""
        create temp table plain_rows on commit drop as
        select kept.*, stats.id
        from benchmark.{name} as kept
        left join creator_stats as stats
            on kept.recorded_date = stats.recorded_date and kept.user_id = stats.user_id
        order by kept.recorded_date, kept.user_id
        """.encode()
    )
    connection.execute("analyze plain_rows")
    values = ", ".join(f"{column} = plain_rows.{column}" for column in COLUMNS.split(", "))
    update = f"update creator_stats as stats set {values} from plain_rows where stats.id = plain_rows.id"
    insert = f"insert into creator_stats ({COLUMNS}) select {COLUMNS} from plain_rows where id is null"
    return seconds(lambda: [connection.execute(statement.encode()) for statement in (update, insert)])


def repeated(act: Callable[[], Mapping[str, float]]) -> Mapping[str, Sequence[float]]:
    """Do it RUNS times; return all figures by name."""
    runs: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(RUNS):
        for name, figure in act().items():
            runs[name].append(figure)
    return runs


def tidy(connection: Connection) -> None:
    """Remove what was rolled back, which the next measurement would have to step over."""
    connection.execute(
        "vacuum creators, creator_stats, comet_dates, comet_handles, comet_scores, comet_profiles, comet_pages, "
        "comet_videos"
    )


def seconds(act: Callable[[], object]) -> float:
    """How long it takes once."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
