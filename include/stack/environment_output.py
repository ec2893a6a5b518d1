"""`make env`: print the environment as lines for a shell."""

import os
import re
import shlex
from pathlib import Path

from include.stack.environment import EXPORTED_VARIABLE, exported_record, resolve_for_runs
from include.stack.output import say

WRAPPER_FOLDER = Path(__file__).with_name("bin")
SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def print_environment() -> None:
    """Print the export lines."""
    say("\n".join(export_lines()))


def export_lines() -> list[str]:
    """Return `export` lines for variables that the caller has not set, and a PATH with the `airflow` wrapper first.

    This is the only command that prints keys and passwords.
    """
    own = resolve_for_runs().own
    path = os.pathsep.join([str(WRAPPER_FOLDER), *other_folders(os.environ.get("PATH", ""))])
    exported = {**own, EXPORTED_VARIABLE: exported_record(own), "PATH": path}
    return [f"export {name}={shlex.quote(value)}" for name, value in exported.items() if SHELL_NAME.fullmatch(name)]


def other_folders(path: str) -> list[str]:
    """Return the folders of a PATH without the wrapper's."""
    return [folder for folder in path.split(os.pathsep) if folder and folder != str(WRAPPER_FOLDER)]
