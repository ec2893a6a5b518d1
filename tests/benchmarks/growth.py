"""New dates after a long history: how long the SQL steps take, by which plans, and the growth in other ways.

Measured are a day on which all creators are read, one on which a quarter is after three days without, which fills those
days too, the first day again, and a date in the middle of the history that is run afterwards and reads nothing. The
creators are tracked already. Plain writing is of the same rows into the same table, in the order of its key: an update
of those that are there, an insert of the others.

The original's way and dlt are measured with fewer creators, and scaled: each takes as long for every creator. The
original takes creators as they come, which is not in the order of an index. It is measured with its database on this
machine, and behind a network, as hosted databases are: it waits for two answers for every creator, where the step waits
for a dozen in all.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

import psycopg

from include.stack.output import note, say
from tests.benchmarks import new_day
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.network import behind_network
from tests.benchmarks.new_day import ADDED_RUN_ID, FOUND, GROWTH, RUN_ID, SCORES
from tests.benchmarks.original_growth import record_growth_by_rows
from tests.benchmarks.sizes import Size
from tests.benchmarks.world import Connection, history

SAMPLE = 5_000
ROUND_TRIP = 0.001
"""Seconds to a hosted database in the same region and back."""
SHARE = 0.25
DAY_LIMIT, STEPS_LIMIT = 20, 90
"""Seconds for the growth of a new day, and for all of its steps."""
LEAST = 15
"""So many times faster than the original's way."""
SHARED, WHOLE, ADDED, AGAIN = "share_of_day", "whole_day", "added_date", "day_again"
MOST = {SHARED: 2.5, WHOLE: 3.5, ADDED: 1.5}
"""So many times plain writing of the same rows."""


def run(size: Size, folder: Path) -> list[Figure]:
    """Time the steps and the other ways, write the plans below the folder, and leave the history as it was."""
    with history(folder / "postgres", size) as url, psycopg.connect(url, autocommit=True) as connection:
        tell_sizes(connection, folder)
        counts = explain_steps(connection, url, size, folder)
        days = new_day.repeated(lambda: measured_round(connection, size))
        by_rows = new_day.repeated(lambda: {"original": original(connection, counts[WHOLE])})
        with behind_network(url, ROUND_TRIP) as far, psycopg.connect(far, autocommit=True) as connection_to_far:
            from_far = new_day.repeated(lambda: {"original": original(connection_to_far, counts[WHOLE])})
        dlt = dlt_seconds(url, counts[WHOLE])
        new_day.tidy(connection)
    others = [
        Comparison("the original's way, row by row", by_rows["original"], least=LEAST),
        Comparison(f"the same, its database {1000 * ROUND_TRIP:g} ms away", from_far["original"], least=LEAST),
    ]
    if dlt:
        others.append(Comparison("dlt's merge, and growth in SQL", dlt))
    return figures(size, days, counts, others)


def figures(
    size: Size, days: Mapping[str, Sequence[float]], counts: Mapping[str, int], others: Sequence[Comparison]
) -> list[Figure]:
    """What was measured, by case and by step."""
    plain = {
        case: Comparison("plain writing of the same rows", days[plain_of(case)], most=most)
        for case, most in MOST.items()
    }
    whole = Comparison("that day", days[WHOLE], most=1)
    after = f"the day after {size.dates - 1} others"
    steps = [*FOUND, WHOLE, SCORES]
    return [
        Figure(
            f"{GROWTH}, {counts[WHOLE]:,} snapshots on {after}",
            "s",
            days[WHOLE],
            limit=DAY_LIMIT,
            comparisons=[plain[WHOLE], *others],
        ),
        Figure(
            f"{GROWTH}, {SHARE:.0%} read, {counts[SHARED]:,} snapshots with the days without",
            "s",
            days[SHARED],
            comparisons=[plain[SHARED]],
        ),
        Figure(
            f"{GROWTH}, {counts[ADDED]:,} snapshots by a date in between", "s", days[ADDED], comparisons=[plain[ADDED]]
        ),
        Figure(f"{GROWTH}, that day again", "s", days[AGAIN], comparisons=[whole]),
        *(Figure(f"{step}, that day", "s", days[step]) for step in steps if step != WHOLE),
        Figure("all SQL steps of that day", "s", sums(days[step] for step in steps), limit=STEPS_LIMIT),
    ]


def sums(parts: Iterable[Sequence[float]]) -> Sequence[float]:
    """The sum of the parts in each run."""
    return [sum(taken) for taken in zip(*parts, strict=True)]


def plain_of(case: str) -> str:
    """The name of a case's plain writing."""
    return f"{case}, plain"


def tell_sizes(connection: Connection, folder: Path) -> None:
    """Say how large the history is."""
    row = connection.execute(
        """
        select
            (select count(*) from creator_stats),
            (select count(*) from comet_profiles),
            (select count(*) from comet_videos),
            pg_database_size(current_database()) / 1e9
        """
    ).fetchone()
    stats, profiles, videos, gigabytes = row or (0, 0, 0, 0.0)
    say(
        f"History: {stats:,} snapshots; beside them a year of landing, {profiles:,} profiles and {videos:,} videos: "
        f"{gigabytes:.1f} GB in all. {shutil.disk_usage(folder).free / 1e9:.0f} GB of the disk are free."
    )


def explain_steps(connection: Connection, url: str, size: Size, folder: Path) -> dict[str, int]:
    """Write the plan of each statement to a file, and keep the snapshots of each case; return how many they are."""
    note("Explaining each statement of the steps ...")
    path = folder / f"growth-{size.name}.plans.txt"
    counts = {}
    with path.open("w", encoding="utf-8") as file:
        with new_day.landed_day(connection, size, SHARE):
            counts[SHARED] = explain_growth(connection, url, SHARED, file)
        with new_day.landed_day(connection, size):
            counts[WHOLE] = explain_growth(connection, url, WHOLE, file)
            explain(connection, AGAIN, GROWTH, RUN_ID, file)
            explain(connection, WHOLE, SCORES, RUN_ID, file)
        with new_day.added_date(connection, size):
            counts[ADDED] = explain_growth(connection, url, ADDED, file, steps=(), run_id=ADDED_RUN_ID)
    say(f"Plans, with the statements: {path}")
    return counts


def explain_growth(
    connection: Connection,
    url: str,
    case: str,
    file: TextIO,
    *,
    steps: Sequence[str] = FOUND,
    run_id: str = RUN_ID,
) -> int:
    """Explain the steps up to the growth, and keep the snapshots that it writes; return how many they are."""
    since = new_day.first_written(connection)
    for step in (*steps, GROWTH):
        explain(connection, case, step, run_id, file)
    return new_day.keep_written(connection, url, case, since)


def explain(connection: Connection, case: str, step: str, run_id: str, file: TextIO) -> None:
    """Do a step, and write its plans."""
    for plan in new_day.plans(connection, step, run_id):
        print(f"{case}, {plan}", end="\n\n", file=file)


def measured_round(connection: Connection, size: Size) -> dict[str, float]:
    """Do each case once, and each plain writing, in turns: what else the machine does is in the way of all alike."""
    taken = {}
    with new_day.landed_day(connection, size, SHARE):
        for step in FOUND:
            new_day.timed(connection, step)
        taken[SHARED] = new_day.timed(connection, GROWTH)
    with new_day.landed_day(connection, size, SHARE):
        taken[plain_of(SHARED)] = new_day.time_plain_write(connection, SHARED)
    with new_day.landed_day(connection, size):
        for step in FOUND:
            taken[step] = new_day.timed(connection, step)
        taken[WHOLE] = new_day.timed(connection, GROWTH)
        taken[AGAIN] = growth_again(connection)
        taken[SCORES] = new_day.timed(connection, SCORES)
    with new_day.landed_day(connection, size):
        taken[plain_of(WHOLE)] = new_day.time_plain_write(connection, WHOLE)
    with new_day.added_date(connection, size):
        taken[ADDED] = new_day.timed(connection, GROWTH, ADDED_RUN_ID)
    with new_day.added_date(connection, size):
        taken[plain_of(ADDED)] = new_day.time_plain_write(connection, ADDED)
    note(", ".join(f"{name} {seconds:,.1f} s" for name, seconds in taken.items()))
    return taken


def growth_again(connection: Connection) -> float:
    """Repeat the growth of the day.

    :raises BenchmarkError: it wrote something.
    """
    before = new_day.written_count(connection)
    taken = new_day.timed(connection, GROWTH)
    written = new_day.written_count(connection) - before
    if written:
        raise BenchmarkError(f"{GROWTH} has written {written:,} rows again.")
    return taken


def original(connection: Connection, row_count: int) -> float:
    """Seconds that the original's way takes for the rows of the day, of which it does some."""
    profiles = connection.execute(
        f"""
        select user_id, follower_count, heart_count, video_count
        from benchmark.{WHOLE}
        where recorded_date = %s and heart_count is not null
        order by md5(user_id)
        limit %s
        """.encode(),
        [new_day.DAY, SAMPLE],
    ).fetchall()
    with connection.transaction(force_rollback=True):
        taken = new_day.seconds(lambda: record_growth_by_rows(connection, new_day.DAY, profiles))
    return taken * row_count / len(profiles)


def dlt_seconds(url: str, row_count: int) -> Sequence[float]:
    """The same of dlt; nothing where it is not installed."""
    if find_spec("dlt") is None:
        note("dlt is not installed: it is left out.")
        return []
    from tests.benchmarks.dlt_growth import record_growth_dlt

    creator_count = min(row_count, 10 * SAMPLE)
    return [record_growth_dlt(url, creator_count) * row_count / creator_count for _ in range(new_day.RUNS)]
