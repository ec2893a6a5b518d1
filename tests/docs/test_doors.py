"""The files that a newcomer and the repository host read first agree with the tree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from comets.params import parse_params, trigger_form
from comets.settings import DAG_ID, settings

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
GUIDES = ("AGENTS.md", "CONTRIBUTING.md", "SECURITY.md")
SCHEMAS = {".github/workflows/ci.yaml": "vendor.github-workflows", ".github/dependabot.yml": "vendor.dependabot"}

CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PLACEHOLDER = re.compile(r"<\w+>")
# Made on the machine, not part of the repository.
LOCAL = {".env", ".state", ".venv"}


def read(name: str) -> str:
    return (PROJECT_FOLDER / name).read_text(encoding="utf-8")


def load(name: str) -> Any:
    return yaml.safe_load(read(name))


def named_paths(guide: str) -> set[str]:
    """Words of a guide's code that begin like a path of the repository, or end like a file at its top."""
    folders = {path.name for path in PROJECT_FOLDER.iterdir() if path.is_dir()} | {".ci", ".github", "docs"}
    words = {word.strip("`.,;()'\"") for code in CODE.findall(read(guide)) for word in code.split()}
    words |= {f".{word}" for word in words if f".{word}" in words}
    return {
        word
        for word in words
        if (word.split("/")[0] in folders and "/" in word) or re.fullmatch(r"[\w.-]+\.(md|py|sql|toml|txt|ya?ml)", word)
    }


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_hosted_files_match_their_schema(name: str, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, name]
    result = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_hosted_ci_calls_the_same_script_on_the_oldest_and_newest_python() -> None:
    workflow = load(".github/workflows/ci.yaml")
    (job,) = workflow["jobs"].values()
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    assert os.access(PROJECT_FOLDER / ".ci/run", os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}
    assert job["strategy"]["matrix"]["python-version"] == ["3.11", "3.13"]
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in job["steps"] if "uses" in step)


def test_pre_commit_runs_the_tools_of_make_lint_without_a_network(tmp_path: Path) -> None:
    name = ".pre-commit-config.yaml"
    result = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", name],
        cwd=PROJECT_FOLDER,
        env=os.environ | {"PRE_COMMIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    (repo,) = load(name)["repos"]
    assert repo["repo"] == "local"
    assert all(hook["language"] == "system" and ".venv/bin/" in hook["entry"] for hook in repo["hooks"])
    lint = read("Makefile").split("\nlint:")[1].split("\n\n")[0]
    for tool in ("ruff check", "ruff format", "sqlfluff lint", "mypy", "lint-imports"):
        assert tool in lint
        assert any(tool in hook["entry"] for hook in repo["hooks"]), tool


@pytest.mark.parametrize("guide", GUIDES)
def test_named_paths_exist(guide: str) -> None:
    paths = named_paths(guide)
    assert paths
    missing = set()
    for path in paths:
        pattern, _, test = PLACEHOLDER.sub("*", path).partition("::")
        found = [Path(match) for match in PROJECT_FOLDER.glob(pattern.rstrip("/"))]
        if path.split("/")[0] not in LOCAL and not (
            found and all(test in match.read_text() for match in found if test)
        ):
            missing.add(path)
    assert missing == set()


@pytest.mark.parametrize("guide", [*GUIDES, "CHANGELOG.md"])
def test_links_lead_to_files(guide: str) -> None:
    assert {link for link in LINK.findall(read(guide)) if not (PROJECT_FOLDER / link).exists()} == set()


@pytest.mark.parametrize("guide", [*GUIDES, "CHANGELOG.md"])
def test_named_make_targets_exist(guide: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = {target for code in CODE.findall(read(guide)) for target in re.findall(r"\bmake ([a-z-]+)", code)}
    assert named
    assert named <= targets


def test_the_source_of_hashtags_in_the_guide_triggers_a_valid_run() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", read("CONTRIBUTING.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "CONTRIBUTING.md", "exec"), names)
    trigger = next(task for task in names["dag"].tasks if task.task_id == "discover")
    hashtags = names["read_hashtags"].function()
    assert trigger.trigger_dag_id == DAG_ID
    assert trigger.upstream_task_ids == {"read_hashtags"}
    form = trigger_form(settings())
    assert set(trigger.conf) <= set(form)
    assert parse_params({name: param.value for name, param in form.items()} | {"hashtags": hashtags})


def test_selected_tests_exist() -> None:
    selections = {found for guide in GUIDES for found in re.findall(r"(\S+\.py) -k (\w+)", read(guide))}
    assert selections
    assert {(path, name) for path, name in selections if name not in read(path)} == set()


def test_licence_is_the_same_everywhere() -> None:
    licence = read("LICENSE").strip()
    assert tomllib.loads(read("pyproject.toml"))["project"]["license"] == {"text": licence}
    assert licence.rstrip(".") in read("README.md")
