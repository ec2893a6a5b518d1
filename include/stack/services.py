"""What a command needs around Airflow: databases, schema, sandbox. Everything started here ends with its last user."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

from comets.settings import POOL
from include.stack.database import apply_schema, describe, has_schema
from include.stack.environment import COMETS_DATABASE, METADATA_DATABASE, Environment, resolve
from include.stack.metadata import prepare_metadata
from include.stack.output import note, say
from include.stack.package_settings import package_settings
from include.stack.ports import is_taken, require_free
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT, SCHEMA_FILE
from include.stack.sandbox import SandboxServer, sandbox_answers


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
            server.create_database(COMETS_DATABASE)
            # While others use it their runs would have to wait for the locks that the schema file takes.
            if server.started_here or not has_schema(environment):
                apply_schema(environment)
        yield


@contextmanager
def sandbox(environment: Environment) -> Iterator[None]:
    """Keep a sandbox at its port if the environment uses it; one that somebody else runs there will do.

    :raises PortTakenError: something that is no sandbox listens there.
    """
    port = environment.sandbox_port
    if not environment.is_sandbox:
        yield
        return
    server = SandboxServer(environment.state.sandbox, port)
    if not server.is_running() and is_taken(port):
        if not sandbox_answers(port):
            require_free(port, "the TikHub sandbox", "COMETS_SANDBOX_PORT")
        yield
        return
    with server:
        yield


@contextmanager
def airflow_services(environment: Environment) -> Iterator[None]:
    """Keep all services at work that an Airflow command needs, with Airflow's own database ready."""
    with ExitStack() as services:
        services.enter_context(databases(environment))
        services.enter_context(sandbox(environment))
        prepare_metadata(environment, POOL, package_settings().slots)
        yield


def set_up_given_database(environment: Environment) -> None:
    """Apply the schema to the database that the caller has named, and say so; the embedded one has it already."""
    if environment.database_source is not None:
        apply_schema(environment)
        note(f"Applied {SCHEMA_FILE.relative_to(PROJECT)} to {describe(environment)}.")


def run_setup_database(_arguments: Sequence[str]) -> int:
    """Run the schema file on the creators' database; return the exit code."""
    environment = resolve()
    with databases(environment) if environment.database_source is None else nullcontext():
        apply_schema(environment)
    say(f"Applied {SCHEMA_FILE.relative_to(PROJECT)} to {describe(environment)}.")
    return 0
