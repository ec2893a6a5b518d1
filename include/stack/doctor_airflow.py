"""The doctor's checks of Airflow: components, pool, schedule, runs and Dag files."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from comets.settings import DAG_ID, POOL, settings
from include.stack.doctor import IN_COMPOSE, Case, Level, Line, shorten
from include.stack.errors import StackError
from include.stack.processes import running_url
from include.stack.project import PROJECT

STATE_SECONDS = 60
MAX_LATENESS = timedelta(minutes=10)
MAX_RUN_DURATION = timedelta(hours=6)
UNPAUSED_DAGS = {
    DAG_ID: "no daily runs",
    "comet_maintenance": "old answers are never deleted",
    "forget_creator": "requests to erase wait",
}


class AirflowStateError(StackError):
    """Airflow's database can't be read; the text has the cause and remedy."""


def check_airflow(case: Case) -> Iterator[Line]:
    """Check Airflow as its own database describes it."""
    if case.is_local and running_url(case.environment.state) is None:
        yield Line(Level.WARN, "Airflow", f"not running (start with: {case.commands.start})")
        return
    if not case.sees_airflow:
        yield Line(Level.WARN, "Airflow", f"this container has no access to Airflow's database. {IN_COMPOSE}")
        return
    state = read_state(case)
    if state["size_bytes"]:
        case.sizes["Airflow's database"] = state["size_bytes"]
    yield from check_components(case, state)
    yield check_pool(case, state["slots"])
    yield from check_schedule(case, state["dags"])
    yield from check_runs(state["running"], state["last_failed"])
    yield from check_dag_files(state["import_errors"])


def read_state(case: Case) -> dict[str, Any]:
    """Return what `include.stack.airflow_state` prints.

    :raises AirflowStateError: it fails.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-m", "include.stack.airflow_state"],
            cwd=PROJECT,
            env=dict(case.environment.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STATE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AirflowStateError(f"Airflow's database gave no answer in {STATE_SECONDS} s. Check its host") from None
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no output"])[-1]
        migrate = case.commands.airflow.format("db migrate")
        raise AirflowStateError(
            f"Airflow's database can't be read: {reason}. Check that it runs; after an upgrade run: {migrate}"
        )
    found: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return found


def check_components(case: Case, state: dict[str, Any]) -> Iterator[Line]:
    """Check that the components send heartbeats, and that tasks can reach the API server."""
    silent = [name for name in ("scheduler", "dag-processor", "triggerer") if name not in state["alive"]]
    if silent:
        text = f"no heartbeat of {', '.join(silent)}. Read its log (docs/howto/runbook.md), then start it again"
        yield Line(Level.FAILED, "Airflow", text)
    if state["execution_api"]:
        text = f"tasks can't reach the API server at {state['execution_api']}. Start it again; runs wait meanwhile"
        yield Line(Level.FAILED, "Airflow", text)
    if not silent and not state["execution_api"]:
        url = running_url(case.environment.state) if case.is_local else None
        place = f"{url}, " if url else ""
        yield Line(Level.OK, "Airflow", f"{place}scheduler, dag-processor, triggerer and API server respond")


def check_pool(case: Case, slots: int | None) -> Line:
    """Check the pool, without which tasks stay queued."""
    command = case.commands.airflow.format(f"pools set {POOL} {settings().slots} TikHub")
    if slots is None:
        return Line(Level.FAILED, "pool", f"{POOL} is missing, so tasks stay scheduled. Run: {command}")
    if slots == 0:
        return Line(Level.FAILED, "pool", f"{POOL} has 0 slots, so tasks stay scheduled. Run: {command}")
    return Line(Level.OK, "pool", f"{POOL} with {slots} slots")


def check_schedule(case: Case, dags: dict[str, Any]) -> Iterator[Line]:
    """Check that the Dags are known and unpaused, and that the next run is not overdue."""
    for dag_id, consequence in UNPAUSED_DAGS.items():
        dag = dags.get(dag_id)
        if dag is None:
            text = f"Airflow does not know {dag_id}. See the import errors, or the log of the dag-processor"
            yield Line(Level.FAILED, "schedule", text)
        elif dag["is_paused"]:
            command = case.commands.airflow.format(f"dags unpause {dag_id}")
            text = f"{dag_id} is paused: {consequence}. Unpausing starts a run that is due. Run: {command}"
            yield Line(Level.WARN, "schedule", text)
        elif dag["next_run"]:
            next_run = datetime.fromisoformat(dag["next_run"])
            shown = next_run.astimezone(ZoneInfo(settings().timezone)).strftime("%Y-%m-%d %H:%M")
            text = f"{dag_id} next at {shown} {settings().timezone}"
            if datetime.now(UTC) - next_run > MAX_LATENESS:
                text += ", which is overdue. Read the log of the scheduler: is it running, are earlier runs stuck?"
                yield Line(Level.WARN, "schedule", text)
            else:
                yield Line(Level.OK, "schedule", text)


def check_runs(running: dict[str, str | None], last_failed: str | None) -> Iterator[Line]:
    """Check for runs in progress that take too long, and for a last run that has failed."""
    latest = datetime.now(UTC) - MAX_RUN_DURATION
    stuck = [name for name, start in running.items() if start and datetime.fromisoformat(start) < latest]
    if stuck:
        hours = MAX_RUN_DURATION // timedelta(hours=1)
        text = f"running for more than {hours} hours: {shorten(stuck)}. See docs/howto/runbook.md, End a stuck run"
        yield Line(Level.WARN, "runs", text)
    if last_failed:
        text = f"{last_failed} has failed. Read the log of its task report, then clear the failed tasks with Downstream"
        yield Line(Level.WARN, "runs", text)


def check_dag_files(errors: dict[str, str]) -> Iterator[Line]:
    """Check that Airflow can import all Dag files."""
    for name, error in errors.items():
        yield Line(Level.FAILED, "Dag files", f"{name} can't be imported: {error}. Correct the file or its settings")
    if not errors:
        yield Line(Level.OK, "Dag files", "no import errors")
