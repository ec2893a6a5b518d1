"""Airflow's own database: created or migrated when needed, with the pool that brakes the calls to TikHub."""

import subprocess
import sys
from importlib.metadata import version

from comets.settings import POOL
from include.stack.environment import METADATA_VARIABLE, Environment
from include.stack.errors import StackError
from include.stack.files import log_tail, open_log
from include.stack.package_settings import package_settings
from include.stack.project import PROJECT


class MetadataError(StackError):
    """Airflow's database could not be made ready; the text holds the end of the log."""


def prepare_metadata(environment: Environment) -> None:
    """Make Airflow's database ready: its tables for the installed version, and the pool with its slots.

    A database of the caller's own is filled when it is empty, and otherwise gets nothing but the pool: its owner
    decides when to migrate it. A connection that only Airflow can work out (`..._CMD`, `..._SECRET`) is left alone.

    :raises MetadataError: Airflow failed at it.
    """
    if not environment.variables.get(METADATA_VARIABLE):
        return
    is_own = environment.metadata_source is not None
    slots = str(package_settings().slots)
    # Lies beside the cluster, so that it goes with it.
    done = environment.state.postgres / "airflow-ready"
    wanted = f"{version('apache-airflow')} {POOL} {slots}"
    if not is_own and done.is_file() and done.read_text() == wanted:
        return
    environment.state.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_path = environment.state.logs / "metadata.log"
    command = [sys.executable, "-m", "include.stack.metadata_setup", POOL, slots]
    with open_log(log_path) as log:
        result = subprocess.run(
            [*command, "--only-empty"] if is_own else command,
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
