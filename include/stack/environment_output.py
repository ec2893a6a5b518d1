"""`make env`: the environment as lines for a shell."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from include.stack.environment import EXPORTED_VARIABLE, exported_record, resolve
from include.stack.output import say

WRAPPER_FOLDER = Path(__file__).with_name("bin")
SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def run_env(_arguments: Sequence[str]) -> int:
    """Print the lines; return the exit code."""
    say("\n".join(export_lines()))
    return 0


def export_lines() -> list[str]:
    """Return `export` lines for what the caller has not set, and for a PATH that begins with the `airflow` wrapper.

    The values hold keys and passwords: this is the one command that prints them.
    """
    own = resolve().own
    path = os.pathsep.join([str(WRAPPER_FOLDER), *other_folders(os.environ.get("PATH", ""))])
    exported = {**own, EXPORTED_VARIABLE: exported_record(own), "PATH": path}
    return [f"export {name}={shlex.quote(value)}" for name, value in exported.items() if SHELL_NAME.fullmatch(name)]


def other_folders(path: str) -> list[str]:
    """Return the folders of a PATH without the wrapper's, so that a second call does not lengthen it."""
    return [folder for folder in path.split(os.pathsep) if folder and folder != str(WRAPPER_FOLDER)]
