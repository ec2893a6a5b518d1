"""The few calls of Airflow's REST API that the stack needs."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from include.stack.errors import StackError

CALL_SECONDS = 30
POLL_SECONDS = 0.5
FINAL_STATES = frozenset({"success", "failed"})
HTTP_CONFLICT = 409
PAGE_ENTRIES = 100


class AirflowApiError(StackError):
    """Airflow refused a request or did not come up; the text says what it answered."""


@dataclass(frozen=True)
class TaskState:
    """One task instance: its task, its index among the mapped ones (-1: not mapped), its label and its state."""

    task_id: str
    map_index: int
    label: str | None
    state: str | None
    try_number: int


class AirflowApi:
    """A client of the API server on this machine.

    :param port: where it listens.
    :param check: called while waiting; raises when waiting has become pointless.
    """

    def __init__(self, port: int, check: Callable[[], None] = lambda: None) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._check = check
        self._session = requests.Session()
        # A proxy of the environment must not be asked for this machine.
        self._session.trust_env = False

    def wait_until_ready(self, variables: Mapping[str, str], seconds: float) -> None:
        """Wait for API server, scheduler and Dag processor, and log in.

        The log-in proves that it is our API server and not one that has taken the port at the same moment.

        :raises AirflowApiError: one of them is not there in time, or does not know the password.
        """
        self.wait_for(self._is_healthy, seconds, "Airflow's components did not report as healthy")
        self._check()
        self.log_in(variables)

    def log_in(self, variables: Mapping[str, str]) -> None:
        """Get a token for the further calls."""
        user, password = read_password(variables)
        token = self._request("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def wait_for_dag(self, dag_id: str, seconds: float) -> None:
        """Wait until a Dag has been parsed.

        :raises AirflowApiError: it is not there in time; the text holds what went wrong in Dag files.
        """
        try:
            self.wait_for(lambda: self._has_dag(dag_id), seconds, f"The Dag {dag_id} did not appear")
        except AirflowApiError as error:
            raise AirflowApiError(f"{error}{self._import_errors()}") from None

    def wait_for(self, is_reached: Callable[[], bool], seconds: float, failure: str) -> None:
        """Ask again and again until something is the case.

        :raises AirflowApiError: it is not in time.
        """
        deadline = time.monotonic() + seconds
        while not is_reached():
            self._check()
            if time.monotonic() > deadline:
                raise AirflowApiError(f"{failure} within {seconds:.0f} s.")
            time.sleep(POLL_SECONDS)

    def is_paused(self, dag_id: str) -> bool:
        """Tell whether a Dag is paused."""
        return bool(self._request("GET", f"/api/v2/dags/{dag_id}")["is_paused"])

    def set_paused(self, dag_id: str, is_paused: bool) -> None:
        """Pause or unpause a Dag."""
        self._request("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": is_paused})

    def trigger(self, dag_id: str, logical_date: datetime | None) -> str:
        """Start a run, or start the one of that logical date anew, and return its id."""
        at = logical_date.isoformat() if logical_date else None
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        reply = self._call("POST", path, json={"logical_date": at, "conf": {}})
        if reply.status_code == HTTP_CONFLICT and at:
            known = self._request("GET", path, params={"logical_date_gte": at, "logical_date_lte": at})["dag_runs"]
            if known:
                run_id = str(known[0]["dag_run_id"])
                self._request("POST", f"{path}/{quote(run_id, safe='')}/clear", json={"dry_run": False})
                return run_id
        return str(read(reply)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state."""
        return str(self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the state of every task instance of a run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return [
            TaskState(
                task_id=instance["task_id"],
                map_index=instance["map_index"],
                label=instance.get("rendered_map_index"),
                state=instance["state"],
                try_number=instance["try_number"],
            )
            for instance in self._read_pages(path, "task_instances", {})
        ]

    def active_backfill(self, dag_id: str) -> dict[str, Any] | None:
        """Return the Dag's backfill that Airflow does not know to be over, if there is one; it allows no second."""
        parameters = {"dag_id": dag_id, "order_by": "-id", "limit": 1}
        newest = self._request("GET", "/api/v2/backfills", params=parameters)["backfills"]
        return dict(newest[0]) if newest and newest[0]["completed_at"] is None else None

    def plan_backfill(self, dag_id: str, from_date: str, to_date: str, reprocess: str) -> list[datetime]:
        """Return the logical dates of the runs that `create_backfill` would start."""
        body = backfill_request(dag_id, from_date, to_date, reprocess)
        planned = self._request("POST", "/api/v2/backfills/dry_run", json=body)["backfills"]
        return [datetime.fromisoformat(run["logical_date"]) for run in planned]

    def create_backfill(self, dag_id: str, from_date: str, to_date: str, reprocess: str = "none") -> int:
        """Start a backfill from an instant to an instant, both included, and return its id.

        :param reprocess: which existing runs are made anew: `none`, `failed`, or `completed` (failed and succeeded).
        """
        body = backfill_request(dag_id, from_date, to_date, reprocess)
        return int(self._request("POST", "/api/v2/backfills", json=body)["id"])

    def backfill_is_over(self, backfill_id: int) -> bool:
        """Tell whether a backfill has come to its end, which Airflow notices every 30 s."""
        return self._request("GET", f"/api/v2/backfills/{backfill_id}")["completed_at"] is not None

    def runs_between(self, dag_id: str, from_date: str, to_date: str) -> list[dict[str, Any]]:
        """Return the runs with a logical date from an instant to an instant, both included, oldest first."""
        parameters = {"logical_date_gte": from_date, "logical_date_lte": to_date, "order_by": "logical_date"}
        return self._read_pages(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs", parameters)

    def _read_pages(self, path: str, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a whole list, of which Airflow gives at most so many entries at once."""
        entries: list[dict[str, Any]] = []
        while True:
            page = self._request("GET", path, params={**parameters, "limit": PAGE_ENTRIES, "offset": len(entries)})
            entries += page[name]
            if not page[name] or len(entries) >= page["total_entries"]:
                return entries

    def _is_healthy(self) -> bool:
        try:
            health = self._request("GET", "/api/v2/monitor/health")
        except (requests.ConnectionError, requests.Timeout, AirflowApiError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def _has_dag(self, dag_id: str) -> bool:
        reply = self._call("GET", f"/api/v2/dags/{dag_id}")
        return reply.ok and not reply.json()["is_stale"]

    def _import_errors(self) -> str:
        errors = self._request("GET", "/api/v2/importErrors")["import_errors"]
        return "".join(f"\n{error['filename']}:\n{error['stack_trace']}" for error in errors)

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        return read(self._call(method, path, **arguments))

    def _call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self._session.request(method, self.url + path, timeout=CALL_SECONDS, **arguments)


def backfill_request(dag_id: str, from_date: str, to_date: str, reprocess: str) -> dict[str, str]:
    """Return the body of a request about a backfill."""
    return {"dag_id": dag_id, "from_date": from_date, "to_date": to_date, "reprocess_behavior": reprocess}


def read(reply: requests.Response) -> Any:
    """Return a reply's content.

    :raises AirflowApiError: the request was refused.
    """
    if not reply.ok:
        path = urlsplit(reply.url).path
        raise AirflowApiError(f"Airflow answered {reply.status_code} to {path}: {describe_problem(reply)}")
    return reply.json()


def describe_problem(reply: requests.Response) -> str:
    """Return what Airflow says about a refusal."""
    try:
        detail = reply.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return reply.reason
    return detail if isinstance(detail, str) else json.dumps(detail)


def read_password(variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the first user of the UI and the password.

    :raises AirflowApiError: the file with the passwords does not know the user.
    """
    user = variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(",")[0].split(":")[0].strip()
    path = Path(variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    try:
        return user, str(json.loads(path.read_text())[user])
    except (OSError, ValueError, KeyError):
        raise AirflowApiError(f"{path} holds no password for the user {user}.") from None
