"""The growth of one new date after a long history, against the same in other ways.

The creators are tracked already. The plain insert is of the same rows, snapshots and observations, into the same tables
with their keys and references. The original's way and dlt are measured with fewer creators, and scaled: each takes as
long for every creator. The original takes creators as they come, which is not in the order of an index. It is measured
with its database on this machine, and behind a network, as hosted databases are: it waits for two answers for every
creator, where the step waits for a dozen in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg

from include.stack.output import note
from tests.benchmarks import new_day
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.network import behind_network
from tests.benchmarks.original_growth import record_growth_by_rows
from tests.benchmarks.sizes import Size
from tests.benchmarks.world import Connection, history

STEP = "record_growth"
SAMPLE = 5_000
ROUND_TRIP = 0.001
"""Seconds to a hosted database in the same region and back."""
SMALL_SHARE = 0.1
LEAST = 20
"""So many times faster than the original's way."""


def run(size: Size, folder: Path) -> list[Figure]:
    """Time the step and the other ways, and leave the history as it was."""
    with history(folder / "postgres", size) as url, psycopg.connect(url, autocommit=True) as connection:
        row_count = keep_day(connection, size, folder)
        # In turns: what is rolled back is in the way of both alike.
        days = new_day.repeated(
            lambda: {
                **{table: new_day.time_plain_insert(connection, table) for table in new_day.WRITTEN},
                "ours": growth(connection, size, 1.0),
            }
        )
        small = new_day.repeated(lambda: {"ours": growth(connection, size, SMALL_SHARE)})
        by_rows = new_day.repeated(lambda: {"original": original(connection, row_count)})
        with behind_network(url, ROUND_TRIP) as far, psycopg.connect(far, autocommit=True) as connection_to_far:
            from_far = new_day.repeated(lambda: {"original": original(connection_to_far, row_count)})
        dlt = dlt_seconds(url, row_count)
        new_day.tidy(connection)
    both = [sum(taken) for taken in zip(*(days[table] for table in new_day.WRITTEN), strict=True)]
    others = [
        Comparison("the original's way, row by row", by_rows["original"], least=LEAST),
        Comparison(f"the same, its database {1000 * ROUND_TRIP:g} ms away", from_far["original"], least=LEAST),
        Comparison("plain insert … select of the same rows", both, most=3),
        Comparison("plain insert of the snapshots alone", days["creator_stats"]),
    ]
    if dlt:
        others.append(Comparison("dlt's merge, and growth in SQL", dlt))
    name = f"{STEP}, {row_count:,} snapshots on the day after {size.dates} others"
    whole = Comparison("the whole day", days["ours"])
    return [
        Figure(name, "s", days["ours"], comparisons=others),
        Figure(f"{STEP}, {SMALL_SHARE:.0%} of that day", "s", small["ours"], comparisons=[whole]),
    ]


def keep_day(connection: Connection, size: Size, folder: Path) -> int:
    """Do the step once, and keep what it writes for the other ways; return how many snapshots there are."""
    with new_day.landed_day(connection, size):
        new_day.run(connection, STEP)
        new_day.keep_written(connection, folder)
    return new_day.load_written(connection, folder)


def growth(connection: Connection, size: Size, share: float) -> float:
    """Land the day, and time the step."""
    with new_day.landed_day(connection, size, share):
        taken = new_day.timed(connection, STEP)
    note(f"{STEP}: {taken:,.1f} s")
    return taken


def original(connection: Connection, row_count: int) -> float:
    """Seconds that the original's way takes for the rows of the day, of which it does some."""
    profiles = connection.execute(
        """
        select user_id, follower_count, heart_count, video_count
        from benchmark.creator_stats
        order by md5(user_id)
        limit %s
        """,
        [SAMPLE],
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
