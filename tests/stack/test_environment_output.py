"""`make env` prints lines that a shell evaluates to the same values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.stack.environment import resolve_for_runs
from include.stack.project import PROJECT

ODD = "a 'single' \"double\" $HOME `id` \\ # % ! \n second line * é"


@pytest.fixture
def caller(tmp_path: Path) -> dict[str, str]:
    """A caller's variables, with special characters."""
    return {
        "PATH": os.environ["PATH"],
        "COMETS_STATE_DIR": str(tmp_path / "a state's folder"),
        "DB_HOST": "host",
        "DB_PASSWORD": ODD,
    }


def printed_by(script: str, variables: dict[str, str]) -> str:
    """Return the output of a shell script in which `comets_env` prints the export lines."""
    definition = f"comets_env() {{ '{sys.executable}' -m include.stack env; }}\n"
    result = subprocess.run(
        ["/bin/sh", "-c", definition + script],
        env=variables,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout


def test_shell_reads_every_value_unchanged(caller: dict[str, str]) -> None:
    script = f'eval "$(comets_env)"; exec "{sys.executable}" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    seen = json.loads(printed_by(script, caller))
    expected = resolve_for_runs(caller).own
    assert {name: seen.get(name) for name in expected} == dict(expected)


def test_wrapper_is_first_on_the_path_and_only_once(caller: dict[str, str]) -> None:
    path = printed_by('eval "$(comets_env)"; eval "$(comets_env)"; printf %s "$PATH"', caller)
    folders = path.split(os.pathsep)
    assert folders[0] == str(PROJECT / "include" / "stack" / "bin")
    assert folders.count(folders[0]) == 1
    assert folders[1:] == caller["PATH"].split(os.pathsep)


def test_env_starts_nothing_and_writes_only_keys(caller: dict[str, str]) -> None:
    printed_by("comets_env", caller)
    state = Path(caller["COMETS_STATE_DIR"])
    assert [path.name for path in state.iterdir()] == ["keys"]
