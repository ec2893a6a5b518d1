"""The bytes that each table grows by in a day, with its indexes, for two numbers of tracked creators.

Logs and Airflow's own database grow by task: they are measured over a few runs in a real Airflow.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from comets.settings import DAG_ID
from include.stack.environment import METADATA_DATABASE
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import SCHEMA_FILE, State
from tests.benchmarks.common import Criteria, rounded, run_script
from tests.benchmarks.seed import FOUND, GROWTH, SCORES, SERVER, Connection, Size, connect, land_day, run_steps
from tests.benchmarks.stack import Searches, searching_stack

CREATORS = {"small": (100, 1_000), "full": (1_000, 10_000)}
DATES, HASHTAGS = 30, 20
FIRST_DAY = 10
"""Growth is measured from this day on, when every creator has rows in every table."""
RUNS = 4
SEARCHES = Searches(20, pages=3, latency_seconds=0, per_second=1_000)

TABLES = """
    select relname, pg_total_relation_size(oid)
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
"""


def main(size_name: str, folder: Path) -> None:
    """Print the bytes per day by table."""
    grown = {creators: bytes_per_day(folder, creators) for creators in CREATORS[size_name]}
    few, many = CREATORS[size_name]
    table = Table(box=MARKDOWN)
    for heading in ("table", f"{few:,} creators", f"{many:,} creators", "per creator"):
        table.add_column(heading, justify="left" if heading == "table" else "right", no_wrap=True)
    for name in sorted(grown[many], key=lambda name: -grown[many][name]):
        table.add_row(name, *cells(grown[few][name], grown[many][name], many - few))
    table.add_row("all", *cells(sum(grown[few].values()), sum(grown[many].values()), many - few))
    print(f"Growth per day with {HASHTAGS} hashtags of 60 videos, size {size_name}")
    Console(width=200, markup=False, highlight=False, emoji=False).print(table)
    task_count, sizes = bytes_per_run(folder / "storage runs")
    print(f"Growth per run of {task_count:,} tasks in Airflow")
    for name, size in sizes.items():
        print(f"{name}: {rounded(size / 1000)} kB, {rounded(size / task_count / 1000)} kB per task")


def cells(few: float, many: float, difference: int) -> list[str]:
    """Return both figures in kB, and the bytes that one more creator adds."""
    return [f"{rounded(few / 1000)} kB", f"{rounded(many / 1000)} kB", f"{rounded((many - few) / difference)} B"]


def bytes_per_day(folder: Path, creators: int) -> dict[str, float]:
    """Run a history; return each table's mean growth per day."""
    size = Size(f"storage_{creators}", creators, DATES, HASHTAGS, has_all_calls=True)
    with EmbeddedPostgres(folder / "storage", durable=False, settings=SERVER) as server:
        server.create_database(size.name)
        with connect(server.url(size.name)) as connection:
            connection.execute(SCHEMA_FILE.read_bytes())
            for day_number in range(size.dates):
                run_id = land_day(connection, size, day_number)
                run_steps(connection, run_id, [*FOUND, GROWTH, SCORES])
                connection.execute("vacuum analyze")
                if day_number == FIRST_DAY:
                    before = table_sizes(connection)
            after = table_sizes(connection)
        with connect(server.url()) as connection:
            connection.execute(f"drop database {size.name}".encode())
    return {name: (after[name] - before[name]) / (DATES - 1 - FIRST_DAY) for name in after}


def bytes_per_run(folder: Path) -> tuple[int, dict[str, float]]:
    """Run days in Airflow; return the tasks of a run, and the mean growth per run by place."""
    first = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=RUNS + 1)
    with searching_stack(folder, SEARCHES) as (stack, _):
        for number in range(RUNS + 1):
            at = first + timedelta(days=number)
            stack.limit(SEARCHES, at)
            stack.run(SEARCHES, at, **asdict(Criteria()))
            if number == 0:
                before = place_sizes(State(folder / "stack"))
        after = place_sizes(State(folder / "stack"))
        (run,) = stack.api.runs_between(DAG_ID, at, at)
        task_count = len(stack.api.tasks(DAG_ID, run.dag_run_id))
    return task_count, {name: (after[name] - before[name]) / RUNS for name in after}


def place_sizes(state: State) -> dict[str, int]:
    """Return the bytes of the places that grow by task."""
    with psycopg.connect(EmbeddedPostgres(state.postgres).url(METADATA_DATABASE), autocommit=True) as connection:
        connection.execute("vacuum")
        ((database,),) = connection.execute("select pg_database_size(current_database())").fetchall()
    folders = {"task logs": state.airflow_home / "logs", "logs of components": state.logs}
    return {"Airflow's database": database} | {
        name: sum(path.stat().st_size for path in folder.rglob("*.log")) for name, folder in folders.items()
    }


def table_sizes(connection: Connection) -> dict[str, int]:
    """Return the bytes of each table with its indexes."""
    return dict(connection.execute(TABLES).fetchall())


if __name__ == "__main__":
    run_script(main)
