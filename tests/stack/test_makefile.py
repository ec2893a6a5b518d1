"""The Makefile hands on what was typed, finds a Python, and installs what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.stack.packages import pip_settings_for_uv
from include.stack.project import PROJECT

# Stands in for the environment's Python: shows how it was called.
SHOW_ARGUMENTS = '#!/bin/sh\nfor argument in "$@"; do printf "[%s]\\n" "$argument"; done\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder with a space, installed, whose Python only shows its arguments."""
    folder = tmp_path / "a project's folder"
    (folder / "include" / "stack").mkdir(parents=True)
    for name in ("Makefile", "include/stack/find_python.sh", "include/stack/uv.txt"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / "requirements.txt").touch()
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


def test_help_is_the_default_and_explains_every_target(project: Path) -> None:
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


def test_dates_of_a_backfill_reach_the_stack(project: Path) -> None:
    shown = make(project, "backfill", "FROM=2026-03-01", "TO=2026-03-07").stdout
    assert shown.splitlines()[2:] == ["[backfill]", "[2026-03-01]", "[2026-03-07]"]


@pytest.mark.parametrize("target", ["demo", "up", "distributed", "env", "clean", "setup-database"])
def test_commands_print_nothing_of_their_own(target: str, project: Path) -> None:
    result = make(project, target)
    assert (result.stdout, result.stderr) == (f"[-m]\n[include.stack]\n[{target}]\n", "")


def test_a_changed_lock_is_installed_again(project: Path) -> None:
    os.utime(project / ".venv" / "installed", (1, 1))
    result = make(project, "env", f"PYTHON={project}/.venv/bin/python")
    assert result.returncode
    assert "Python 3.11 to 3.14 is needed" in make(project, "env", "PYTHON=/bin/false").stderr


def test_bench_installs_what_only_it_needs(project: Path) -> None:
    for name in ("requirements-dev.txt", "requirements-bench.txt"):
        (project / name).touch()
    shown = make(project, "bench").stdout.replace("[-m]\n", "").splitlines()
    assert shown == [
        *("[include.stack.install]", "[requirements-dev.txt]", "[.venv/installed-dev]"),
        *("[include.stack.install]", "[requirements-bench.txt]", "[.venv/installed-bench]"),
        "[tests.benchmarks]",
    ]


def test_no_lock_changes_what_another_has_installed() -> None:
    versions: dict[str, set[str]] = {}
    for lock in PROJECT.glob("requirements*.txt"):
        for package, version, marker in re.findall(r"^(\S+)==(\S+)(.*?) \\$", lock.read_text(), re.MULTILINE):
            versions.setdefault(package + marker, set()).add(version)
    assert "dlt" in versions
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_a_suitable_python_is_found() -> None:
    script = [str(PROJECT / "include" / "stack" / "find_python.sh")]
    named = subprocess.run(["sh", *script, sys.executable], capture_output=True, text=True, check=True)
    assert named.stdout.strip() == sys.executable
    nowhere = subprocess.run(
        ["/bin/sh", *script], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    assert nowhere.returncode == 1 or nowhere.stdout.strip() == "/usr/bin/python3"


def test_uv_is_told_what_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://file.example/simple\nextra-index-url =\n  https://a/\n  https://b/\n"
    )
    (tmp_path / ".venv").symlink_to(sys.prefix)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert pip_settings_for_uv()["UV_DEFAULT_INDEX"] == "https://file.example/simple"
    assert pip_settings_for_uv()["UV_INDEX"].endswith("https://a/ https://b/")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    assert pip_settings_for_uv()["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
