"""Airflow's own database: migrations, the TikHub pool and retention."""

import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

import sqlalchemy
from alembic.script import ScriptDirectory

from comets.settings import POOL, settings
from include.stack.environment import METADATA_VARIABLE, Environment
from include.stack.errors import StackError
from include.stack.files import log_tail, open_log
from include.stack.output import say
from include.stack.processes import airflow_command
from include.stack.project import PROJECT

POOL_DESCRIPTION = "Parallel TikHub tasks over all runs and backfills; set by pool_slots in include/comets.yaml."


class MetadataError(StackError):
    """Airflow's database could not be set up; the text has the end of the log."""


def prepare_metadata(environment: Environment) -> None:
    """Migrate Airflow's database to the installed version, and set the pool's slots.

    A configured database is migrated only if it is empty: its owner decides about upgrades. One that only Airflow can
    resolve (`..._CMD`, `..._SECRET`) is skipped.

    :raises MetadataError: a command of Airflow fails.
    """
    if not environment.variables.get(METADATA_VARIABLE):
        return
    is_own = environment.metadata_source is not None
    done = ready_file(environment)
    wanted = f"{version('apache-airflow')} {POOL} {settings().slots}"
    if not is_own and done.is_file() and done.read_text() == wanted:
        return
    environment.state.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_path = environment.state.logs / "metadata.log"
    commands = setup_commands(migrates=not is_own or is_empty(environment.variables[METADATA_VARIABLE]))
    with open_log(log_path) as log:
        for command in commands:
            result = subprocess.run(
                command,
                cwd=PROJECT,
                env=environment.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
            if result.returncode:
                raise MetadataError(f"Airflow could not set up its database. {log_tail(log_path)}")
    if not is_own:
        done.write_text(wanted)


def ready_file(environment: Environment) -> Path:
    """Return the file that says for which version the embedded database was migrated."""
    return environment.state.postgres / "airflow-ready"


def was_migrated(environment: Environment) -> bool:
    """Return whether the embedded database was migrated to the installed version of Airflow."""
    done = ready_file(environment)
    return done.is_file() and done.read_text().startswith(f"{version('apache-airflow')} ")


def installed_revision() -> str | None:
    """Return the revision that the installed Airflow gives its database."""
    with as_file(files("airflow") / "migrations") as folder:
        return ScriptDirectory(str(folder)).get_current_head()


def setup_commands(*, migrates: bool = True) -> list[tuple[str, ...]]:
    """Return the commands that migrate Airflow's database, if requested, and set the pool."""
    migrate = [airflow_command("db", "migrate")] if migrates else []
    return [*migrate, airflow_command("pools", "set", POOL, str(settings().slots), POOL_DESCRIPTION)]


def clean_arguments() -> list[str]:
    """Return the arguments of Airflow's CLI that apply `retention.airflow_days`, and say what they delete.

    They are empty if the setting is. Airflow keeps the last run of each Dag. Tasks can't do this: they have no login to
    the database.
    """
    days = settings().retention.airflow_days
    if days is None:
        say("retention.airflow_days is empty: nothing is deleted from Airflow's database.")
        return []
    kept_from = datetime.now(UTC) - timedelta(days=days)
    say(f"Deleting from Airflow's database what is older than {kept_from:%Y-%m-%d %H:%M} UTC (airflow_days = {days}).")
    options = ["--skip-archive", "--error-on-cleanup-failure", "--yes"]
    return ["db", "clean", "--clean-before-timestamp", kept_from.isoformat(), *options]


def is_empty(url: str) -> bool:
    """Return whether a database has no tables of Airflow.

    :raises MetadataError: the database is unreachable.
    """
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        return not sqlalchemy.inspect(engine).has_table("alembic_version")
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        reason = str(error.__cause__ or error).strip()
        raise MetadataError(f"Can't use Airflow's database ({METADATA_VARIABLE}): {reason}") from None
