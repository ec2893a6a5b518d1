"""Airflow's own database: created or migrated when needed, with the pool that brakes the calls to TikHub."""

import fcntl
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy

from include.stack.environment import METADATA_VARIABLE, Environment, digest
from include.stack.errors import StackError
from include.stack.project import PROJECT
from include.stack.shared_server import describe_log_tail, open_lock


class MetadataError(StackError):
    """Airflow's database could not be made ready; the text holds the end of the log."""


def prepare_metadata(environment: Environment, pool: str, slots: int) -> None:
    """Make Airflow's database ready: its tables for the installed version, and the pool with that many slots.

    A database of the caller's own is filled when it is empty, and otherwise gets nothing but the pool: whoever runs it
    decides when to migrate it. A connection that only Airflow can work out (`..._CMD`, `..._SECRET`) is left alone.

    :raises MetadataError: Airflow failed at it.
    """
    url = environment.variables.get(METADATA_VARIABLE)
    if not url:
        return
    environment.state.airflow_home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = open_lock(environment.state.airflow_home / "metadata.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = read_state(url, pool)
        is_ready = (environment.metadata_source is not None and bool(found["heads"])) or is_current(environment, found)
        if not is_ready or found["slots"] != slots:
            run_setup(environment, [pool, str(slots), *([] if is_ready else ["--migrate"])])
            remember_state(environment, read_state(url, pool))
    finally:
        os.close(lock)


def read_state(url: str, pool: str) -> dict[str, Any]:
    """Read the migration heads of a metadata database and the pool's slots; both are empty in a new one."""
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            tables = sqlalchemy.inspect(connection).get_table_names()
            if not {"alembic_version", "slot_pool"} <= set(tables):
                return {"heads": [], "slots": None}
            heads = connection.scalars(sqlalchemy.text("select version_num from alembic_version")).all()
            slots = connection.scalar(sqlalchemy.text("select slots from slot_pool where pool = :pool"), {"pool": pool})
            return {"heads": sorted(heads), "slots": slots}
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        reason = str(error.__cause__ or error).strip()
        raise MetadataError(f"Airflow's database ({METADATA_VARIABLE}) cannot be used: {reason}") from None


def is_current(environment: Environment, found: dict[str, Any]) -> bool:
    """Tell whether the installed version has made or migrated just this database."""
    try:
        remembered = json.loads(record_file(environment).read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(found["heads"]) and remembered == record(environment, found)


def remember_state(environment: Environment, found: dict[str, Any]) -> None:
    """Note what is_current() looks for."""
    record_file(environment).write_text(json.dumps(record(environment, found)))


def record(environment: Environment, found: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies a database that is up to date."""
    database = digest(environment.variables[METADATA_VARIABLE])
    return {"airflow": version("apache-airflow"), "database": database, "heads": found["heads"]}


def record_file(environment: Environment) -> Path:
    """Where it is noted."""
    return environment.state.airflow_home / "metadata.json"


def run_setup(environment: Environment, arguments: list[str]) -> None:
    """Run the part that needs Airflow in a process of its own, with its output in a log."""
    environment.state.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_path = environment.state.logs / "metadata.log"
    with log_path.open("wb") as log:
        result = subprocess.run(
            [sys.executable, "-m", "include.stack.metadata_setup", *arguments],
            cwd=PROJECT,
            env=environment.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if result.returncode:
        raise MetadataError(f"Airflow could not set up its database. {describe_log_tail(log_path)}")
