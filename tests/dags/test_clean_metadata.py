"""`make clean-metadata` deletes old rows of Airflow's own database; young ones stay, and the Dag runs on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from include.stack import cleaner
from include.stack.environment import METADATA_VARIABLE
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import PROJECT_FOLDER
from tests.dags.conftest import NewWorld
from tests.dags.worlds import Day, cast, page_of

FIRST, SECOND, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
AGES = {
    "dag_run": ("run_id", ("run_after", "start_date", "logical_date")),
    "task_instance": ("run_id", ("start_date",)),
    "log": ("run_id", ("dttm",)),
}


@dataclass(frozen=True)
class Cleaned:
    """Row counts by table and run, before and after cleaning, and the run after it."""

    runs: tuple[str, str]
    before: dict[str, dict[str, int]]
    after: dict[str, dict[str, int]]
    kept_for_good: str
    later: Day


@pytest.fixture(scope="module")
def cleaned(
    new_world: NewWorld, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cleaned]:
    folder = tmp_path_factory.mktemp("clean")
    with new_world() as world:
        runs = tuple(world.run(date, page_of(*cast(1))).run_id for date in (FIRST, SECOND))
        with psycopg.connect(postgres.url("airflow"), autocommit=True) as connection:
            age(connection, runs[0], 91)
            age(connection, runs[1], 89)
            before = counts(connection)
            forever = clean(folder, postgres, "airflow_days: null")
            assert counts(connection) == before
            clean(folder, postgres, "airflow_days: 90")
            after = counts(connection)
        yield Cleaned((runs[0], runs[1]), before, after, forever, world.run(THIRD, page_of(*cast(1))))


def clean(folder: Path, postgres: EmbeddedPostgres, setting: str) -> str:
    """Run the command with a setting; return its output."""
    settings_file = folder / "comets.yaml"
    text = (PROJECT_FOLDER / "include" / "comets.yaml").read_text(encoding="utf-8")
    settings_file.write_text(text.replace("airflow_days: 90", setting), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "include.stack", "clean-metadata"],
        cwd=PROJECT_FOLDER,
        env={
            "PATH": os.environ["PATH"],
            "COMETS_STATE_DIR": str(folder / "state"),
            "COMETS_SETTINGS_FILE": str(settings_file),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.sqlalchemy_url("airflow"),
            "DATABASE_URL": "postgresql://me@localhost:1/creators",
            "TIKHUB_API_KEY": "not-used",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def age(connection: psycopg.Connection[tuple[object, ...]], run_id: str, days: int) -> None:
    """Set the instants of a run's rows to a number of days ago."""
    connection.execute(
        "insert into log (dttm, event, dag_id, run_id) values (now(), 'test', 'comet_discovery', %s)", [run_id]
    )
    for table, (key, columns) in AGES.items():
        for column in columns:
            statement = "update {} set {} = now() - make_interval(days => %s) where {} = %s"
            names = map(sql.Identifier, (table, column, key))
            connection.execute(sql.SQL(statement).format(*names), [days, run_id])


def counts(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, dict[str, int]]:
    """Return the number of rows by run and table."""
    found: dict[str, dict[str, int]] = {}
    for table, (key, _) in AGES.items():
        statement = sql.SQL("select {0}, count(*) from {1} where {0} is not null group by 1")
        for run_id, count in connection.execute(statement.format(sql.Identifier(key), sql.Identifier(table))):
            found.setdefault(str(run_id), {})[table] = int(str(count))
    return found


def test_old_rows_are_deleted(cleaned: Cleaned) -> None:
    assert set(cleaned.before[cleaned.runs[0]]) == set(AGES)
    assert cleaned.runs[0] not in cleaned.after


def test_young_rows_stay(cleaned: Cleaned) -> None:
    assert cleaned.after[cleaned.runs[1]] == cleaned.before[cleaned.runs[1]]


def test_empty_setting_deletes_nothing(cleaned: Cleaned) -> None:
    assert "retention.airflow_days is empty: nothing is deleted" in cleaned.kept_for_good


def test_running_stack_cleans_daily(
    cleaned: Cleaned, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    def sleep(seconds: int) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise InterruptedError

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setenv(METADATA_VARIABLE, postgres.sqlalchemy_url("airflow"))
    with psycopg.connect(postgres.url("airflow"), autocommit=True) as connection:
        assert cleaned.runs[1] in counts(connection)
        age(connection, cleaned.runs[1], 91)
        with pytest.raises(InterruptedError):
            cleaner.main()
        assert cleaned.runs[1] not in counts(connection)
    assert waits == [600, 86400, 86400]


def test_next_run_works(cleaned: Cleaned) -> None:
    assert cleaned.later.state == "success"
