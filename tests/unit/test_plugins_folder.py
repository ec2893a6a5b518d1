"""Airflow's plugin loader leaves the package `comets` alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PLUGINS_FOLDER = Path(__file__).resolve().parents[2] / "plugins"

# Names of the modules that Airflow's loader brought in from the folder, and of the plugins it found there.
LOAD = """
import json, sys
from airflow import plugins_manager
folder = sys.argv[1]
plugins_manager.ensure_plugins_loaded()
modules = [name for name, module in list(sys.modules.items()) if folder in str(getattr(module, "__file__", None))]
plugins = [plugin["name"] for plugin in plugins_manager.get_plugin_info()]
errors = [path for path in plugins_manager.get_import_errors() if folder in path]
print("RESULT" + json.dumps([sorted(modules), plugins, errors]))
"""


def load_with_airflow(folder: Path, home: Path) -> tuple[list[str], list[str], list[str]]:
    """Let Airflow load its plugins from a folder; returns modules loaded from it, all plugins, and failing files."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    command = [sys.executable, "-c", LOAD, str(folder)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    modules, plugins, errors = json.loads(output.rpartition("RESULT")[2])
    return modules, plugins, errors


def test_the_loader_executes_no_module_of_the_package(tmp_path: Path) -> None:
    modules, _, errors = load_with_airflow(PLUGINS_FOLDER, tmp_path)
    assert set(modules) <= {"comets_plugin"}
    assert errors == []


def test_the_loader_still_executes_the_plugin_s_entry_file(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    shutil.copytree(PLUGINS_FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    entry = "from airflow.plugins_manager import AirflowPlugin\nclass P(AirflowPlugin):\n    name = 'comets'\n"
    (folder / "comets_plugin.py").write_text(entry, encoding="utf-8")
    (folder / "comets" / "comets_plugin.py").write_text("raise RuntimeError\n", encoding="utf-8")
    modules, plugins, errors = load_with_airflow(folder, tmp_path)
    assert modules == ["comets_plugin"]
    assert "comets" in plugins
    assert errors == []


def test_without_its_guard_the_loader_would_hide_other_modules(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    shutil.copytree(PLUGINS_FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", ".airflowignore"))
    modules, _, _ = load_with_airflow(folder, tmp_path)
    assert "errors" in modules
