"""The bytes that each table grows by in a day, with its indexes, for two numbers of tracked creators."""

from __future__ import annotations

from pathlib import Path

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from include.stack.postgres import EmbeddedPostgres
from include.stack.project import SCHEMA_FILE
from tests.benchmarks.common import rounded, run_script
from tests.benchmarks.seed import FOUND, GROWTH, SCORES, SERVER, Connection, Size, connect, land_day, run_steps

CREATORS = {"small": (100, 1_000), "full": (1_000, 10_000)}
DATES, HASHTAGS = 30, 20
FIRST_DAY = 10
"""Growth is measured from this day on, when every creator has rows in every table."""

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


def table_sizes(connection: Connection) -> dict[str, int]:
    """Return the bytes of each table with its indexes."""
    return dict(connection.execute(TABLES).fetchall())


if __name__ == "__main__":
    run_script(main)
