from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from psycopg.rows import dict_row

from include.sandbox.client import SandboxClient
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import copied_database, postgres_connection, tikhub_connection_to
from tests.dags.worlds import Outcome, RunDag, World

NewWorld = Callable[..., AbstractContextManager[World]]


@pytest.fixture(scope="session")
def metadata(postgres: EmbeddedPostgres) -> None:
    """Airflow's metadata database, migrated."""
    from airflow.utils.db import initdb

    postgres.create_database("airflow")
    initdb()


@pytest.fixture(scope="session")
def quick_tasks() -> Iterator[None]:
    """Cache the splitting of SQL files and schema checks, a third of a run's time."""
    split, check = cache(DbApiHook.split_sql_string), Draft202012Validator.check_schema
    checked: set[str] = set()

    def check_once(schema: Any, **options: Any) -> None:
        text = json.dumps(schema, sort_keys=True)
        if text not in checked:
            check(schema, **options)
            checked.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DbApiHook, "split_sql_string", staticmethod(split))
        patch.setattr(Draft202012Validator, "check_schema", staticmethod(check_once))
        yield


@pytest.fixture(scope="session")
def dag_runner(metadata: None, quick_tasks: None) -> RunDag:
    """Run a Dag in this process by Airflow's task runner, with the environment's connections."""
    from airflow.dag_processing.dagbag import DagBag

    def run(
        logical_date: str | None, conf: Mapping[str, Any] | None = None, dag_id: str = "comet_discovery"
    ) -> Outcome:
        instant = datetime.fromisoformat(logical_date) if logical_date else None
        dag_run = DagBag().dags[dag_id].test(logical_date=instant, run_conf=dict(conf or {}))
        tasks = {
            ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": ti.state
            for ti in dag_run.get_task_instances()
        }
        return Outcome(dag_run.run_id, str(dag_run.state), tasks)

    return run


@pytest.fixture
def run_dag(dag_runner: RunDag, tikhub_connection: str, comets_connection: str) -> RunDag:
    """Run the Dag on the sandbox and this test's database."""
    return dag_runner


@pytest.fixture(scope="session")
def new_world(
    postgres: EmbeddedPostgres, schema_template: str, running_server: SandboxClient, dag_runner: RunDag
) -> NewWorld:
    """Create a world, empty or as a copy of another, and point the Dag's connections to it."""

    @contextmanager
    def begin(like: World | None = None) -> Iterator[World]:
        template = like.database_name if like else schema_template
        running_server.clear()
        with copied_database(postgres, template) as url, pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, "key-of-the-tests-0123456789"))
            patch.setenv("AIRFLOW_CONN_COMETS_DB", postgres_connection(url))
            yield World(dag_runner, running_server, url)

    return begin


@pytest.fixture
def world(new_world: NewWorld) -> Iterator[World]:
    """An empty world for this test."""
    with new_world() as begun:
        yield begun


@pytest.fixture
def rows(comets_connection: str) -> Callable[..., list[dict[str, Any]]]:
    """Query this test's creators' database."""

    def query(statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(comets_connection, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    return query
