"""The Makefile passes arguments as typed and installs missing requirements."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.stack.project import PROJECT

SHOW_ARGUMENTS = '#!/bin/sh\nfor argument in "$@"; do printf "[%s]\\n" "$argument"; done\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An installed project in a folder with a space, whose Python prints its arguments."""
    folder = tmp_path / "a project's folder"
    folder.mkdir()
    shutil.copy(PROJECT / "Makefile", folder / "Makefile")
    (folder / "requirements.txt").touch()
    (folder / "requirements-pip.txt").touch()
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(SHOW_ARGUMENTS)
    python.chmod(0o755)
    (folder / ".venv" / "installed").touch()
    return folder


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_is_the_default_and_lists_every_target(project: Path) -> None:
    targets = set(re.findall(r"^\.PHONY: (\S+)\n\1:", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    shown = make(project).stdout
    assert set(re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE)) == targets
    assert make(project, "help").stdout == shown


@pytest.mark.parametrize(
    "line",
    [
        "dags list",
        """dags test x --conf '{"hashtags": ["#a b", "$HOME", "it is 100%"]}'""",
        r'dags test x --conf "{\"a\": \"`id`\"}"',
    ],
)
def test_arguments_reach_the_stack_as_typed(line: str, project: Path) -> None:
    assert make(project, "airflow", f"ARGS={line}").stdout.splitlines() == [
        "[-m]",
        "[include.stack]",
        "[airflow-line]",
        f"[{line}]",
    ]


def test_backfill_dates_reach_the_stack(project: Path) -> None:
    shown = make(project, "backfill", "FROM=2026-03-01", "TO=2026-03-07").stdout
    assert shown.splitlines()[2:] == ["[backfill]", "[2026-03-01]", "[2026-03-07]"]


@pytest.mark.parametrize("target", ["demo", "up", "distributed", "env", "clean", "setup-database", "leaderboard"])
def test_targets_print_only_their_commands_output(target: str, project: Path) -> None:
    result = make(project, target)
    assert (result.stdout, result.stderr) == (f"[-m]\n[include.stack]\n[{target}]\n", "")


def test_changed_lock_is_installed(project: Path) -> None:
    os.utime(project / ".venv" / "installed", (1, 1))
    shown = make(project, "env", "PYTHON=.venv/bin/python").stdout.splitlines()
    assert shown[-3:] == ["[-m]", "[include.stack]", "[env]"]
    assert "[requirements.txt]" in shown


def test_old_python_is_rejected(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    result = make(project, "env", f"PYTHON='{sys.executable}' -c 'raise SystemExit(\"too old\")'")
    assert (result.returncode, "too old" in result.stderr) == (2, True)
    assert not (project / ".venv").exists()


def test_bench_installs_its_own_requirements(project: Path) -> None:
    for name in ("requirements-dev.txt", "requirements-bench.txt"):
        (project / name).touch()
    shown = make(project, "bench").stdout.splitlines()
    assert [line for line in shown if line.startswith("[requirements") or "benchmarks" in line] == [
        "[requirements-dev.txt]",
        "[requirements-bench.txt]",
        "[tests.benchmarks]",
    ]
    assert shown.count("[--require-hashes]") == 2


def test_locks_agree_on_versions() -> None:
    versions: dict[str, set[str]] = {}
    for lock in PROJECT.glob("requirements*.txt"):
        for package, version, marker in re.findall(
            r"^([\w.-]+)(?:\[\S+\])?==(\S+)(.*?) \\$", lock.read_text(), re.MULTILINE
        ):
            versions.setdefault(package + marker, set()).add(version)
    assert "dlt" in versions
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}
