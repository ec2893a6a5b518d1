"""Airflow's plugin loader executes no module of the package `comets`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PLUGINS_FOLDER = Path(__file__).resolve().parents[1] / "plugins"

# Prints the modules that Airflow's loader imported from the folder, and the files that it failed to import.
LOAD = """
import json, sys
from airflow import plugins_manager
folder = sys.argv[1]
plugins_manager.ensure_plugins_loaded()
modules = [name for name, module in list(sys.modules.items()) if folder in str(getattr(module, "__file__", None))]
errors = [path for path in plugins_manager.get_import_errors() if folder in path]
print("RESULT" + json.dumps([sorted(modules), errors]))
"""


def test_loader_executes_only_the_plugin_file(tmp_path: Path) -> None:
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS_FOLDER),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    command = [sys.executable, "-c", LOAD, str(PLUGINS_FOLDER)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert json.loads(output.rpartition("RESULT")[2]) == [["comets_plugin"], []]
