"""How long the SQL steps of one new date take after a long history, and the same in other ways.

The plain insert is of the same rows into the same table, with its keys and references. The original's way and dlt are
measured with fewer creators, and scaled: each takes as long for every creator. The original takes creators as they
come, which is not in the order of an index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg

from comets.timeouts import STATEMENT_SHARE, TASK_TIMEOUT
from include.stack.output import note, say
from tests.benchmarks import new_day
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.original_growth import record_growth_by_rows
from tests.benchmarks.sizes import Size
from tests.benchmarks.world import Connection, history

RUNS = 5
LIMIT = STATEMENT_SHARE * TASK_TIMEOUT.total_seconds()
SAMPLE = 5_000
SMALL_SHARE = 0.1

Timings = Mapping[str, Sequence[float]]


def run(size: Size, folder: Path) -> list[Figure]:
    """Time the steps, write their plans below the folder, and leave the history as it was."""
    with history(folder / "postgres", size) as url, psycopg.connect(url, autocommit=True) as connection:
        note("Explaining each statement of the steps ...")
        row_count = explain_steps(connection, size, folder)
        new_day.load_written(connection, folder)
        # In turns: what is rolled back is in the way of both alike.
        days = repeated(lambda: plain_inserts(connection) | whole_day(connection, size, 1.0))
        small = repeated(lambda: whole_day(connection, size, SMALL_SHARE))
        by_rows = repeated(lambda: {"original": original(connection, size, row_count)})["original"]
        dlt = dlt_seconds(url, row_count)
    say(f"{row_count:,} snapshots in a day. A statement of a step may take {LIMIT:,.0f} s.")
    after = f"{row_count:,} creators on the day after {size.dates} others"
    return [
        Figure(f"filter_comets, {after}", "s", days["filter_comets"]),
        Figure("upsert_creators", "s", days["upsert_creators"]),
        growth_figure(days, by_rows, dlt),
        Figure(
            f"record_growth, a day with {SMALL_SHARE:.0%} of the rows",
            "s",
            small["record_growth"],
            comparisons=[Comparison("the whole day", days["record_growth"])],
        ),
        Figure("score_creators", "s", days["score_creators"]),
    ]


def growth_figure(days: Timings, by_rows: Sequence[float], dlt: Sequence[float]) -> Figure:
    """The growth step against each other way."""
    both = [sum(seconds) for seconds in zip(*(days[table] for table in new_day.WRITTEN), strict=True)]
    comparisons = [
        Comparison("the original's way, row by row", by_rows, least=20),
        Comparison("plain insert … select of the same snapshots", days["creator_stats"], most=3),
        Comparison("the same, of the observations too", both),
    ]
    if dlt:
        comparisons.append(Comparison("dlt's merge, and growth in SQL", dlt))
    return Figure("record_growth", "s", days["record_growth"], comparisons=comparisons)


def explain_steps(connection: Connection, size: Size, folder: Path) -> int:
    """Write the plan of each statement of each step to a file, and keep the rows of the day; return how many."""
    path = folder / f"new-date-{size.name}.plans.txt"
    with new_day.landed_day(connection, size), path.open("w", encoding="utf-8") as file:
        for step in new_day.STEPS:
            for plan in new_day.plans(connection, step):
                print(plan, end="\n\n", file=file)
            if step == "record_growth":
                new_day.keep_written(connection, folder)
        row = connection.execute(
            "select count(*) from creator_stats where recorded_date = %s", [new_day.DAY]
        ).fetchone()
    say(f"Plans, with the statements: {path}")
    return int(row[0]) if row else 0


def whole_day(connection: Connection, size: Size, share: float) -> dict[str, float]:
    """Land the day and time its steps."""
    with new_day.landed_day(connection, size, share):
        timings = new_day.time_steps(connection)
    note(", ".join(f"{step} {seconds:,.1f} s" for step, seconds in timings.items()))
    return timings


def plain_inserts(connection: Connection) -> dict[str, float]:
    """Time the plain inserts."""
    timings = new_day.time_plain_inserts(connection)
    new_day.tidy(connection)
    note(", ".join(f"plain insert into {table} {seconds:,.1f} s" for table, seconds in timings.items()))
    return timings


def original(connection: Connection, size: Size, row_count: int) -> float:
    """Seconds that the original's way takes for the rows of the day, of which it does some."""
    profiles = connection.execute(
        """
        select day.user_id, day.follower_count, day.heart_count, day.video_count
        from benchmark.creator_stats as day
        inner join creators on day.user_id = creators.user_id
        order by md5(day.user_id)
        limit %s
        """,
        [SAMPLE],
    ).fetchall()
    with connection.transaction(force_rollback=True):
        taken = new_day.seconds(lambda: record_growth_by_rows(connection, new_day.DAY, profiles))
    return taken * row_count / len(profiles)


def dlt_seconds(url: str, row_count: int) -> list[float]:
    """The same of dlt; nothing where it is not installed."""
    if find_spec("dlt") is None:
        note("dlt is not installed: it is left out.")
        return []
    from tests.benchmarks.dlt_growth import record_growth_dlt

    creator_count = min(row_count, 10 * SAMPLE)
    return [record_growth_dlt(url, creator_count) * row_count / creator_count for _ in range(RUNS)]


def repeated(act: Callable[[], Mapping[str, float]]) -> Timings:
    """Do it RUNS times; return all figures by name."""
    runs: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(RUNS):
        for name, figure in act().items():
            runs[name].append(figure)
    return runs
