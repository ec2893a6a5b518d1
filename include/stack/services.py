"""Databases, schema and sandbox that commands need; they stop with the command."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from include.stack.backup import back_up_before_upgrade, local_deployment
from include.stack.database import apply_schema, describe, has_schema
from include.stack.database import repair_readings as repair_stored_readings
from include.stack.environment import METADATA_DATABASE, Environment, resolve, resolve_for_runs
from include.stack.metadata import prepare_metadata, was_migrated
from include.stack.output import note, say
from include.stack.ports import require_free
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import Part
from include.stack.project import PROJECT, SCHEMA_FILE
from include.stack.sandbox import is_sandbox_running, sandbox_part


@contextmanager
def databases(environment: Environment, *, migrates_airflow: bool = False) -> Iterator[None]:
    """Run the embedded PostgreSQL if the environment uses it, with the schema applied.

    :param migrates_airflow: whether the caller migrates Airflow's database next
    """
    if not environment.needs_embedded_postgres:
        yield
        return
    with EmbeddedPostgres(environment.state.postgres) as server:
        if environment.metadata_source is None:
            server.create_database(METADATA_DATABASE)
        if environment.database_source is None:
            server.create_database(environment.embedded_database)
        # The schema file takes locks that running tasks would wait for.
        is_applied = environment.database_source is None and (server.started_here or not has_schema(environment))
        back_up_before_upgrade(
            local_deployment(environment),
            upgrades_tables=is_applied and not environment.is_sandbox,
            migrates_airflow=migrates_airflow and environment.metadata_source is None and not was_migrated(environment),
        )
        if is_applied:
            apply_schema(environment)
        yield


@contextmanager
def airflow_databases(environment: Environment) -> Iterator[None]:
    """Run both databases, with Airflow's own migrated."""
    with databases(environment, migrates_airflow=True):
        prepare_metadata(environment)
        yield


def sandbox_parts(environment: Environment) -> list[Part]:
    """Return the sandbox's process if the environment uses one and none is running.

    :raises PortTakenError: another program uses its port.
    """
    port = environment.sandbox_port
    if not environment.is_sandbox or is_sandbox_running(port):
        return []
    require_free(port, "the TikHub sandbox", "COMETS_SANDBOX_PORT")
    return [sandbox_part(port)]


def set_up_configured_database(environment: Environment) -> None:
    """Apply the schema to a configured database; the embedded one already has it."""
    if environment.database_source is not None:
        upgrade_configured_database(environment)
        note(f"Applied {SCHEMA_FILE.relative_to(PROJECT)} to {describe(environment)}.")


def upgrade_configured_database(environment: Environment) -> None:
    """Apply the schema to a configured database, with a backup before an upgrade."""
    back_up_before_upgrade(local_deployment(environment), upgrades_tables=True, migrates_airflow=False)
    apply_schema(environment)


def set_up_database() -> None:
    """Apply the schema file to the creators' database."""
    with _creators_database() as environment:
        if environment.database_source is None:
            apply_schema(environment)
        else:
            upgrade_configured_database(environment)
    say(f"Applied {SCHEMA_FILE.relative_to(PROJECT)} to {describe(environment)}.")


def repair_readings() -> None:
    """Repair readings of the future, and print the dates to run again."""
    with _creators_database() as environment:
        answers = repair_stored_readings(environment)
    if not answers:
        say(f"No reading in {describe(environment)} is more than a day in the future.")
        return
    say(f"Repaired {sum(answers.values())} answers in {describe(environment)}; run their dates again:")
    for recorded_date, count in answers.items():
        say(f"  {recorded_date}  {count}")


@contextmanager
def _creators_database() -> Iterator[Environment]:
    environment = resolve()
    if environment.database_source is None:
        environment = resolve_for_runs()
    with databases(environment) if environment.database_source is None else nullcontext():
        yield environment
