from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from include.stack.postgres import EmbeddedPostgres


@dataclass(frozen=True)
class Outcome:
    """How a Dag run ended: its state, and that of each task instance (a mapped one as `task_id[map index]`)."""

    run_id: str
    state: str
    tasks: dict[str, str | None]


RunDag = Callable[..., Outcome]


@pytest.fixture(scope="session")
def metadata(postgres: EmbeddedPostgres) -> None:
    """Airflow's metadata database, migrated."""
    from airflow.utils.db import initdb

    postgres.create_database("airflow")
    initdb()


@pytest.fixture
def run_dag(metadata: None, tikhub_connection: str, comets_connection: str) -> RunDag:
    """Run the Dag in this process through Airflow's own task runner, on the sandbox and this test's database."""
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag().dags["comet_discovery"]

    def run(logical_date: str | None, conf: Mapping[str, Any] | None = None) -> Outcome:
        instant = datetime.fromisoformat(logical_date) if logical_date else None
        dag_run = dag.test(logical_date=instant, run_conf=dict(conf or {}))
        tasks = {
            ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": ti.state
            for ti in dag_run.get_task_instances()
        }
        return Outcome(dag_run.run_id, str(dag_run.state), tasks)

    return run


@pytest.fixture
def rows(comets_connection: str) -> Callable[..., list[dict[str, Any]]]:
    """Query this test's creators' database."""

    def query(statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(comets_connection, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    return query
