"""How long the SQL steps of one new date take, once each. Nothing of it is kept.

A step has the time limit of its task: see comets.timeouts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg

from comets.timeouts import STATEMENT_SHARE, TASK_TIMEOUT
from include.stack.output import say
from include.stack.tables import format_table
from tests.benchmarks.sizes import LAST_DATE, Size
from tests.benchmarks.world import Connection, history, run_file, run_id_of
from tests.sql.builders import run_step

STEPS = ("upsert_creators", "record_growth", "score_creators")
LIMIT = STATEMENT_SHARE * TASK_TIMEOUT.total_seconds()


def run(size: Size, folder: Path) -> None:
    """Land the profiles of a new date, and time the steps that follow; both are rolled back."""
    with history(folder / "postgres", size) as url, psycopg.connect(url, autocommit=True) as connection:
        rows = [("", "seconds"), *timed(connection)]
        connection.execute("vacuum analyze")
    say(f"Steps of a new date with {size.creators:,} creators and {size.dates} dates each before it")
    for line in format_table(rows, text_columns=(0,)):
        say(line)
    say(f"A statement of a step may take {LIMIT:,.0f} s.")


def timed(connection: Connection) -> list[tuple[str, str]]:
    """The steps with their seconds."""
    run_id = run_id_of(LAST_DATE + timedelta(days=1))
    parameters = {"new_run_id": run_id, "last_run_id": run_id_of(LAST_DATE)}
    with connection.transaction(force_rollback=True):
        rows = [
            ("accept_run", seconds(lambda: run_file(connection, "new_run", parameters))),
            ("roll_call (the landing)", seconds(lambda: run_file(connection, "new_profiles", parameters))),
        ]
        for step in STEPS:
            rows.append((step, seconds(lambda step=step: run_step(connection, step, run_id, statement_timeout="0"))))  # type: ignore[misc]
    return rows


def seconds(act: Callable[[], object]) -> str:
    """How long it takes, as a figure of the table."""
    begun = time.perf_counter()
    act()
    return f"{time.perf_counter() - begun:,.1f}"
