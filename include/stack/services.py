"""What a command needs around Airflow: databases, schema, sandbox. What is started here ends with the command."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from include.stack.database import apply_schema, describe, has_schema
from include.stack.environment import METADATA_DATABASE, Environment, resolve, resolve_for_runs
from include.stack.metadata import prepare_metadata
from include.stack.output import note, say
from include.stack.ports import require_free
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import Part
from include.stack.project import PROJECT, SCHEMA_FILE
from include.stack.sandbox import sandbox_answers, sandbox_part


@contextmanager
def databases(environment: Environment) -> Iterator[None]:
    """Keep the embedded PostgreSQL at work, as far as the environment uses it, with the creators' tables in it."""
    if not environment.needs_embedded_postgres:
        yield
        return
    with EmbeddedPostgres(environment.state.postgres) as server:
        if environment.metadata_source is None:
            server.create_database(METADATA_DATABASE)
        if environment.database_source is None:
            server.create_database(environment.embedded_database)
            # While others use it their runs would have to wait for the locks that the schema file takes.
            if server.started_here or not has_schema(environment):
                apply_schema(environment)
        yield


@contextmanager
def airflow_databases(environment: Environment) -> Iterator[None]:
    """Keep both databases at work, with Airflow's own one ready."""
    with databases(environment):
        prepare_metadata(environment)
        yield


def sandbox_parts(environment: Environment) -> list[Part]:
    """Return the sandbox if the environment uses one, unless one answers at its port already.

    :raises PortTakenError: something that is no sandbox listens there.
    """
    port = environment.sandbox_port
    if not environment.is_sandbox or sandbox_answers(port):
        return []
    require_free(port, "the TikHub sandbox", "COMETS_SANDBOX_PORT")
    return [sandbox_part(port)]


def set_up_given_database(environment: Environment) -> None:
    """Apply the schema to the database that the caller has named, and say so; the embedded one has it already."""
    if environment.database_source is not None:
        apply_schema(environment)
        note(f"Applied {SCHEMA_FILE.relative_to(PROJECT)} to {describe(environment)}.")


def set_up_database() -> None:
    """Run the schema file on the creators' database."""
    environment = resolve()
    if environment.database_source is None:
        environment = resolve_for_runs()
    with databases(environment) if environment.database_source is None else nullcontext():
        apply_schema(environment)
    say(f"Applied {SCHEMA_FILE.relative_to(PROJECT)} to {describe(environment)}.")
