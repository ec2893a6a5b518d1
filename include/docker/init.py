"""Migrate both databases and create the pool: `python -m include.docker.init`, the idempotent service `airflow-init`.

Without the pool, tasks would stay queued with no log.
"""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from comets.settings import SettingsError
from include.stack.database import apply_schema
from include.stack.environment import METADATA_VARIABLE, resolve
from include.stack.errors import StackError
from include.stack.metadata import setup_commands
from include.stack.output import note, say


def main() -> int:
    """Run all steps and return the exit code; Compose starts nothing else after a failure."""
    try:
        with TemporaryDirectory() as state:
            environment = resolve({**os.environ, "COMETS_STATE_DIR": state})
            database = environment.database
            if f"@{database.get('host')}:{database.get('port')}/" in os.environ[METADATA_VARIABLE]:
                create_database(str(database["schema"]))
            for command in setup_commands():
                subprocess.run(command, check=True)  # noqa: S603
            apply_schema(environment)
    except (StackError, SettingsError, psycopg.Error, subprocess.CalledProcessError) as error:
        note(f"Error: {error}")
        return 1
    say("Both databases are ready.")
    return 0


def create_database(name: str) -> None:
    """Create the creators' database on Airflow's server unless it exists."""
    url = os.environ[METADATA_VARIABLE].replace("postgresql+psycopg2://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


if __name__ == "__main__":
    sys.exit(main())
