"""The one-shot service `airflow-init`: `python -m include.docker.init`, repeated without harm at every `up`.

It brings both databases up to date before anything else starts. A task whose pool does not exist would wait for ever
without a word in its log, so the pool is made here too.
"""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql

from include.docker.environment import POSTGRES_ADDRESS
from include.stack.database import apply_schema
from include.stack.environment import COMETS_DATABASE, METADATA_VARIABLE, resolve
from include.stack.errors import StackError
from include.stack.metadata import setup_commands
from include.stack.output import note, say


def main() -> int:
    """Run all steps; return the exit code: after a failed step Compose starts nothing else."""
    try:
        with TemporaryDirectory() as state:
            environment = resolve({**os.environ, "COMETS_STATE_DIR": state})
            if is_bundled(environment.database):
                create_bundled_database()
            prepare_metadata()
            apply_schema(environment)
    except (StackError, psycopg.Error) as error:
        note(f"Error: {error}")
        return 1
    say("Both databases are ready.")
    return 0


def is_bundled(database: dict[str, Any]) -> bool:
    """Tell whether the creators' database belongs to this stack; any other one is its owner's affair."""
    address = f"{database.get('host')}:{database.get('port')}"
    return address == os.environ.get(POSTGRES_ADDRESS) and database.get("schema") == COMETS_DATABASE


def create_bundled_database() -> None:
    """Create the creators' database unless it exists, beside Airflow's own."""
    url = os.environ[METADATA_VARIABLE].replace("postgresql+psycopg2://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [COMETS_DATABASE]).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(COMETS_DATABASE)))


def prepare_metadata() -> None:
    """Create or migrate Airflow's own tables, and give the pool its slots.

    :raises StackError: Airflow failed at it; it has said why.
    """
    for command in setup_commands():
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            raise StackError("Airflow could not set up its database")


if __name__ == "__main__":
    sys.exit(main())
