"""The one-shot service `airflow-init`: `python -m include.docker.init`, repeated without harm at every `up`.

It brings both databases up to date before anything else starts. A task whose pool does not exist would wait for ever
without a word in its log, so the pool is made here too.
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
    """Run all steps; return the exit code: after a failed step Compose starts nothing else."""
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
    """Create the creators' database beside Airflow's own unless it exists; on any other server its owner does."""
    url = os.environ[METADATA_VARIABLE].replace("postgresql+psycopg2://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


if __name__ == "__main__":
    sys.exit(main())
