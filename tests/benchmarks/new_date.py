"""How long the SQL steps of one new date take after a long history, and the plans by which they do it."""

from __future__ import annotations

from pathlib import Path

import psycopg

from comets.timeouts import STATEMENT_SHARE, TASK_TIMEOUT
from include.stack.output import note, say
from tests.benchmarks import new_day
from tests.benchmarks.figures import Figure
from tests.benchmarks.sizes import Size
from tests.benchmarks.world import Connection, history

LIMIT = STATEMENT_SHARE * TASK_TIMEOUT.total_seconds()


def run(size: Size, folder: Path) -> list[Figure]:
    """Time the steps, write their plans below the folder, and leave the history as it was."""
    with history(folder / "postgres", size) as url, psycopg.connect(url, autocommit=True) as connection:
        note("Explaining each statement of the steps ...")
        explain_steps(connection, size, folder)
        steps = new_day.repeated(lambda: whole_day(connection, size))
        new_day.tidy(connection)
    say(f"A statement of a step may take {LIMIT:,.0f} s.")
    return [
        Figure(f"{step}, {size.creators:,} creators on the day after {size.dates} others", "s", runs)
        for step, runs in steps.items()
    ]


def explain_steps(connection: Connection, size: Size, folder: Path) -> None:
    """Write the plan of each statement of each step to a file."""
    path = folder / f"new-date-{size.name}.plans.txt"
    with new_day.landed_day(connection, size), path.open("w", encoding="utf-8") as file:
        for step in new_day.STEPS:
            for plan in new_day.plans(connection, step):
                print(plan, end="\n\n", file=file)
    say(f"Plans, with the statements: {path}")


def whole_day(connection: Connection, size: Size) -> dict[str, float]:
    """Land the day and time its steps."""
    with new_day.landed_day(connection, size):
        timings = {step: new_day.timed(connection, step) for step in new_day.STEPS}
    note(", ".join(f"{step} {seconds:,.1f} s" for step, seconds in timings.items()))
    return timings
