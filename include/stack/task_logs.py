"""The logs that tasks have written, as files of the state folder."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from airflow_client.client import TaskInstanceResponse

# Airflow folds a log in its UI by such entries.
GROUP_MARK = re.compile(r"::(?:end)?group::")


def log_folder(variables: Mapping[str, str]) -> Path:
    """Return the folder of all task logs."""
    configured = variables.get("AIRFLOW__LOGGING__BASE_LOG_FOLDER")
    return Path(configured) if configured else Path(variables["AIRFLOW_HOME"]) / "logs"


def run_folder(variables: Mapping[str, str], dag_id: str, run_id: str) -> Path:
    """Return the folder of one run's logs; Airflow's default file names are assumed."""
    return log_folder(variables) / f"dag_id={dag_id}" / f"run_id={run_id}"


def task_log_tail(folder: Path, task: TaskInstanceResponse, lines: int = 25) -> list[str]:
    """Return the end of a task instance's log, one readable line per entry."""
    path = folder / f"task_id={task.task_id}"
    if task.map_index >= 0:
        path /= f"map_index={task.map_index}"
    try:
        entries = (path / f"attempt={task.try_number}.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    readable_entries = [readable(entry) for entry in entries]
    return [entry for entry in readable_entries if not GROUP_MARK.search(entry)][-lines:]


def readable(entry: str) -> str:
    """Turn an entry, which Airflow writes as JSON, into a line."""
    try:
        fields = json.loads(entry)
        detail = fields.get("error_detail") or []
        errors = "".join(f" {error['exc_type']}: {error['exc_value']}" for error in detail)
        return f"{fields.get('level', ''):<8} {fields['event']}{errors}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return entry
