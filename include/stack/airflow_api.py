"""A running Airflow, asked through its REST API by apache-airflow-client."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import urllib3
from airflow_client.client import (
    ApiClient,
    BackfillApi,
    BackfillPostBody,
    BackfillResponse,
    Configuration,
    DAGApi,
    DAGPatchBody,
    DagRunApi,
    DAGRunClearBody,
    DAGRunResponse,
    ImportErrorApi,
    MonitorApi,
    ReprocessBehavior,
    TaskInstanceApi,
    TaskInstanceResponse,
    TriggerDAGRunPostBody,
)
from airflow_client.client.exceptions import ApiException, ConflictException, NotFoundException

from include.stack.errors import StackError

CALL_SECONDS = 30
POLL_SECONDS = 0.5
FINAL_STATES = frozenset({"success", "failed"})
PAGE_ENTRIES = 100


class AirflowApiError(StackError):
    """Airflow refused a request or did not come up; the text says what it answered."""


class AirflowApi:
    """A client of the API server on this machine.

    :param url: where it listens.
    :param check: called while waiting; raises when waiting has become pointless.

    Further calls: `client` is that of apache-airflow-client.
    """

    def __init__(self, url: str, check: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self.check = check
        # A proxy of the environment must not be asked for this machine.
        self._configuration = Configuration(host=self.url, no_proxy="127.0.0.1")
        self.client = ApiClient(self._configuration)
        self.dags = DAGApi(self.client)
        self.dag_runs = DagRunApi(self.client)
        self.backfills = BackfillApi(self.client)

    def wait_until_ready(self, variables: Mapping[str, str], seconds: float) -> None:
        """Wait for Airflow's components, and log in.

        The log-in proves that it is our API server and not one that has taken the port at the same moment.

        :raises AirflowApiError: one of them is not there in time, or does not know the password.
        """
        self.wait_for(self._is_healthy, seconds, "Airflow's components did not report as healthy")
        self.check()
        self.log_in(variables)

    def log_in(self, variables: Mapping[str, str]) -> None:
        """Get a token for the further calls; the log-in is not part of the client.

        :raises AirflowApiError: Airflow does not answer or does not know the password.
        """
        user, password = read_password(variables)
        session = requests.Session()
        session.trust_env = False
        try:
            reply = session.post(
                f"{self.url}/auth/token", json={"username": user, "password": password}, timeout=CALL_SECONDS
            )
            reply.raise_for_status()
        except requests.RequestException as error:
            raise AirflowApiError(f"{self.url} did not let {user} in: {error}") from None
        self._configuration.access_token = reply.json()["access_token"]

    def wait_for_dag(self, dag_id: str, seconds: float) -> None:
        """Wait until a Dag has been parsed.

        :raises AirflowApiError: it is not there in time; the text holds what went wrong in Dag files.
        """
        try:
            self.wait_for(lambda: self._has_dag(dag_id), seconds, f"The Dag {dag_id} did not appear")
        except AirflowApiError as error:
            found = ImportErrorApi(self.client).get_import_errors().import_errors
            traces = "".join(f"\n{problem.filename}:\n{problem.stack_trace}" for problem in found)
            raise AirflowApiError(f"{error}{traces}") from None

    def wait_for(self, is_reached: Callable[[], bool], seconds: float, failure: str) -> None:
        """Ask again and again until something is the case.

        :raises AirflowApiError: it is not in time.
        """
        deadline = time.monotonic() + seconds
        while not is_reached():
            self.check()
            if time.monotonic() > deadline:
                raise AirflowApiError(f"{failure} within {seconds:.0f} s.")
            time.sleep(POLL_SECONDS)

    def set_paused(self, dag_id: str, is_paused: bool) -> None:
        """Pause or unpause a Dag."""
        self.dags.patch_dag(dag_id, DAGPatchBody(is_paused=is_paused))

    def trigger(self, dag_id: str, logical_date: datetime | None) -> str:
        """Start a run, or start the one of that logical date again, and return its id."""
        try:
            return self.dag_runs.trigger_dag_run(
                dag_id, TriggerDAGRunPostBody(logical_date=logical_date, conf={})
            ).dag_run_id
        except ConflictException:
            if logical_date is None:
                raise
            run_id = self.runs_between(dag_id, logical_date, logical_date)[0].dag_run_id
            self.dag_runs.clear_dag_run(dag_id, run_id, DAGRunClearBody(dry_run=False))
            return run_id

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state."""
        return self.dag_runs.get_dag_run(dag_id, run_id).state.value

    def runs_between(self, dag_id: str, first: datetime, last: datetime) -> list[DAGRunResponse]:
        """Return the runs with a logical date from an instant to another, both included, oldest first."""
        return list(
            entries(
                self.dag_runs.get_dag_runs,
                "dag_runs",
                dag_id=dag_id,
                logical_date_gte=first,
                logical_date_lte=last,
                order_by=["logical_date"],
            )
        )

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstanceResponse]:
        """Return every task instance of a run."""
        call = TaskInstanceApi(self.client).get_task_instances
        return list(entries(call, "task_instances", dag_id=dag_id, dag_run_id=run_id))

    def active_backfill(self, dag_id: str) -> BackfillResponse | None:
        """Return the Dag's backfill that Airflow does not know to be over, if there is one; it allows no second."""
        newest = self.backfills.list_backfills(dag_id=dag_id, order_by=["-id"], limit=1).backfills
        return newest[0] if newest and newest[0].completed_at is None else None

    def plan_backfill(self, dag_id: str, first: datetime, last: datetime, reprocess: str) -> frozenset[datetime]:
        """Return the logical dates of the runs that `create_backfill` would start."""
        planned = self.backfills.create_backfill_dry_run(backfill_body(dag_id, first, last, reprocess)).backfills
        return frozenset(run.logical_date for run in planned if run.logical_date)

    def create_backfill(self, dag_id: str, first: datetime, last: datetime, reprocess: str) -> int:
        """Start a backfill from an instant to another, both included, and return its id.

        :param reprocess: which existing runs are made again: `none`, `failed`, or `completed` (failed and succeeded).
        """
        return self.backfills.create_backfill(backfill_body(dag_id, first, last, reprocess)).id

    def _is_healthy(self) -> bool:
        try:
            health = MonitorApi(self.client).get_health()
        except (urllib3.exceptions.HTTPError, ApiException):
            return False
        parts = (health.metadatabase, health.scheduler, health.dag_processor, health.triggerer)
        return all(part is not None and part.status == "healthy" for part in parts)

    def _has_dag(self, dag_id: str) -> bool:
        try:
            return not self.dags.get_dag(dag_id).is_stale
        except NotFoundException:
            return False


def entries(call: Callable[..., Any], name: str, **parameters: Any) -> Iterator[Any]:
    """Return a whole list, of which Airflow gives at most so many entries at once."""
    count = 0
    while True:
        page = call(**parameters, limit=PAGE_ENTRIES, offset=count)
        found = getattr(page, name)
        yield from found
        count += len(found)
        if not found or count >= page.total_entries:
            return


def backfill_body(dag_id: str, first: datetime, last: datetime, reprocess: str) -> BackfillPostBody:
    """Return the body of a request about a backfill."""
    return BackfillPostBody(
        dag_id=dag_id, from_date=first, to_date=last, reprocess_behavior=ReprocessBehavior(reprocess)
    )


def describe_refusal(error: ApiException) -> str:
    """Return what Airflow says about a request that it refuses."""
    try:
        detail = json.loads(error.body or "")["detail"]
    except (ValueError, KeyError, TypeError):
        detail = error.reason
    return f"Airflow answered {error.status}: {detail}"


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
