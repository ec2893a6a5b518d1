"""The day after a history: what its run lands, and the SQL steps that follow. Nothing of it is kept."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from include.stack.output import note
from tests.benchmarks.sizes import LAST_DATE, Size
from tests.benchmarks.world import Connection, run_file, run_id_of
from tests.sql.builders import PARAMETERS, run_step, statements

DAY = LAST_DATE + timedelta(days=1)
RUN_ID = run_id_of(DAY)
STEPS = ("filter_comets", "upsert_creators", "record_growth", "score_creators")
LANDING = ("new_run", "searches", "new_pages", "new_videos", "new_profiles")
RUNS = 5
SNAPSHOT = (
    "user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent, "
    "basis, gap_days"
)
OBSERVATION = "source, item_id, user_id, observed_at, observed_date, follower_count, heart_count, video_count, run_id"
WRITTEN = {"creator_stats": ("recorded_date", SNAPSHOT), "comet_observations": ("observed_date", OBSERVATION)}
"""What record_growth writes: of each table the column with the day, and all that are written."""


@contextmanager
def landed_day(connection: Connection, size: Size, share: float = 1.0) -> Iterator[None]:
    """The day as its searches and its roll call have landed it; rolled back in the end.

    :param share: so much of the roll call
    """
    parameters = size.parameters() | {"new_run_id": RUN_ID, "last_run_id": run_id_of(LAST_DATE), "share": share}
    with connection.transaction(force_rollback=True):
        for name in LANDING:
            run_file(connection, name, parameters)
        connection.execute("analyze comet_profiles")
        yield
    # What a step has deleted there is in the way of the next one; autovacuum is off.
    connection.execute("vacuum comet_stale_dates, comet_profiles")


def timed(connection: Connection, step: str) -> float:
    """Do a step; return the seconds that it took."""
    return seconds(lambda: run(connection, step))


def run(connection: Connection, step: str) -> None:
    """Do a step as its task does it."""
    run_step(connection, step, RUN_ID, statement_timeout="0")


def plans(connection: Connection, step: str) -> Iterator[str]:
    """Do a step, and tell the plan by which PostgreSQL has executed each of its statements."""
    parameters = PARAMETERS | {"run_id": RUN_ID, "statement_timeout": "0"}
    for statement in statements(step):
        if "set_config(" in statement or "advisory" in statement:
            connection.execute(statement, parameters)
            continue
        rows = connection.execute(f"explain (analyze, buffers) {statement}".encode(), parameters).fetchall()
        yield f"{step}:\n{statement.strip()}\n\n" + "\n".join(str(row[0]) for row in rows)


def keep_written(connection: Connection, folder: Path) -> None:
    """Write the rows of the day to files: what is in the database is rolled back."""
    for table, (day_column, columns) in WRITTEN.items():
        query = f"copy (select {columns} from {table} where {day_column} = '{DAY}' order by user_id) to stdout"
        with (folder / f"{table}.copy").open("wb") as file, connection.cursor().copy(query.encode()) as copy:
            for block in copy:
                file.write(block)


def load_written(connection: Connection, folder: Path) -> int:
    """Read these files into tables of the schema `benchmark`; return how many snapshots there are."""
    for table, (_, columns) in WRITTEN.items():
        connection.execute(f"drop table if exists benchmark.{table}".encode())
        connection.execute(f"create table benchmark.{table} as select {columns} from {table} limit 0".encode())
        path = folder / f"{table}.copy"
        with path.open("rb") as file, connection.cursor().copy(f"copy benchmark.{table} from stdin".encode()) as copy:
            while block := file.read(1 << 20):
                copy.write(block)
        path.unlink()
        connection.execute(f"vacuum analyze benchmark.{table}".encode())
    row = connection.execute("select count(*) from benchmark.creator_stats").fetchone()
    return int(row[0]) if row else 0


def time_plain_insert(connection: Connection, table: str) -> float:
    """Insert the rows of the day into their table by nothing but an insert … select; return the seconds."""
    columns = WRITTEN[table][1]
    query = f"insert into {table} ({columns}) select {columns} from benchmark.{table} order by user_id"
    with connection.transaction(force_rollback=True):
        taken = seconds(lambda: connection.execute(query.encode()))
    note(f"plain insert into {table}: {taken:,.1f} s")
    return taken


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
        "vacuum creators, creator_stats, comet_observations, comet_handles, comet_scores, comet_stale_dates, "
        "comet_profiles, comet_pages, comet_videos"
    )


def seconds(act: Callable[[], object]) -> float:
    """How long it takes once."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
