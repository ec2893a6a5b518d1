"""The day after a history: what its run lands, and the SQL steps that follow. Nothing of it is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.benchmarks.sizes import LAST_DATE, Size
from tests.benchmarks.world import Connection, run_file, run_id_of
from tests.sql.builders import PARAMETERS, run_step, statements

DAY = LAST_DATE + timedelta(days=1)
RUN_ID = run_id_of(DAY)
STEPS = ("filter_comets", "upsert_creators", "record_growth", "score_creators")
LANDING = ("new_run", "new_searches", "new_pages", "new_videos", "new_profiles")
SNAPSHOT = (
    "user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent, "
    "basis, gap_days"
)
OBSERVATION = "source, item_id, user_id, observed_at, observed_date, follower_count, heart_count, video_count, run_id"
WRITTEN = {
    "creator_stats": (SNAPSHOT, "recorded_date"),
    "comet_observations": (OBSERVATION, "observed_date"),
}
"""What record_growth writes: the columns of each table, and the one that holds the day."""


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
    tidy(connection)


def time_steps(connection: Connection) -> dict[str, float]:
    """Do the steps one after the other; return the seconds of each."""
    return {step: seconds(lambda step=step: run(connection, step)) for step in STEPS}  # type: ignore[misc]


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
    """Write the rows that the day has in each table of WRITTEN to a file: what is in the database is rolled back."""
    for table, (columns, day_column) in WRITTEN.items():
        query = f"copy (select {columns} from {table} where {day_column} = '{DAY}' order by user_id) to stdout"
        with (folder / f"{table}.copy").open("wb") as file, connection.cursor().copy(query.encode()) as copy:
            for block in copy:
                file.write(block)


def load_written(connection: Connection, folder: Path) -> None:
    """Read these files into tables of the schema `benchmark`."""
    for table, (columns, _) in WRITTEN.items():
        connection.execute(f"drop table if exists benchmark.{table}".encode())
        connection.execute(f"create table benchmark.{table} as select {columns} from {table} limit 0".encode())
        path = folder / f"{table}.copy"
        with path.open("rb") as file, connection.cursor().copy(f"copy benchmark.{table} from stdin".encode()) as copy:
            while block := file.read(1 << 20):
                copy.write(block)
        path.unlink()
        connection.execute(f"vacuum analyze benchmark.{table}".encode())


def time_plain_inserts(connection: Connection) -> dict[str, float]:
    """Insert the same rows into the same tables by nothing but an insert … select; return the seconds of each."""
    with connection.transaction(force_rollback=True):
        connection.execute(
            "insert into creators (user_id) select user_id from benchmark.creator_stats on conflict do nothing"
        )
        return {
            table: seconds(
                lambda table=table, columns=columns: connection.execute(  # type: ignore[misc]
                    f"insert into {table} ({columns}) select {columns} from benchmark.{table} order by user_id".encode()
                )
            )
            for table, (columns, _) in WRITTEN.items()
        }


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
