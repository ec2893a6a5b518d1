"""Client of a running Airflow's REST API."""

import json
import math
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
    Configuration,
    DAGApi,
    DAGPatchBody,
    DagRunApi,
    DAGRunResponse,
    ImportErrorApi,
    MonitorApi,
    PoolApi,
    ReprocessBehavior,
    TaskInstanceApi,
    TaskInstanceResponse,
)
from airflow_client.client.exceptions import ApiException, ConflictException, NotFoundException

from include.stack.errors import StackError
from include.stack.logins import (
    PASSWORDS_FILE_VARIABLE,
    first_admin,
    read_passwords,
    read_users,
)

CALL_SECONDS = 30
RENEW_SECONDS = 3600
POLL_SECONDS = 0.5
# Airflow closes a backfill up to 30 s after its last run, and rejects another until then.
BACKFILL_CLOSED_SECONDS = 60
FINAL_STATES = frozenset({"success", "failed"})
DONE_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
PAGE_ENTRIES = 100
LOG_LINES = 25


class AirflowApiError(StackError):
    """Airflow rejected a request or did not start; the text has its response."""


class RenewingClient(ApiClient):
    """A client of the REST API.

    :param renew: called before each request with a login.
    """

    def __init__(self, configuration: Configuration, renew: Callable[[], None]) -> None:
        super().__init__(configuration)
        self._renew = renew

    def update_params_for_auth(self, *arguments: Any, **options: Any) -> None:
        """Add the login to a request."""
        self._renew()
        super().update_params_for_auth(*arguments, **options)


class AirflowApi:
    """The API server of the local stack.

    :param url: its base URL.
    :param check: called while waiting; raises to stop the wait.
    """

    def __init__(self, url: str, check: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self.check = check
        # No proxy for this machine, and no retries: urllib3 would log each.
        self._configuration = Configuration(host=url, no_proxy="127.0.0.1", retries=0)
        self.client = RenewingClient(self._configuration, self._renew_login)
        self._variables: Mapping[str, str] = {}
        self._renew_at = math.inf
        self.dags = DAGApi(self.client)
        self.dag_runs = DagRunApi(self.client)
        self.task_instances = TaskInstanceApi(self.client)
        self.backfills = BackfillApi(self.client)
        self.pools = PoolApi(self.client)

    def wait_until_ready(self, variables: Mapping[str, str], seconds: float) -> None:
        """Wait for Airflow's components, and log in.

        The login proves that the server at the port is ours.

        :raises AirflowApiError: a component is not healthy in time, or the login fails.
        """
        self.wait_for(self._is_healthy, seconds, "Airflow's components were not healthy")
        self.check()
        self.log_in(variables)

    def log_in(self, variables: Mapping[str, str]) -> None:
        """Fetch a token for all further calls; the client has no login of its own.

        :raises AirflowApiError: Airflow does not respond or rejects the password.
        """
        user, password = read_login(variables)
        session = requests.Session()
        session.trust_env = False
        try:
            reply = session.post(
                f"{self.url}/auth/token", json={"username": user, "password": password}, timeout=CALL_SECONDS
            )
            reply.raise_for_status()
        except requests.RequestException as error:
            raise AirflowApiError(f"Login as {user} at {self.url} failed: {error}") from None
        self._configuration.access_token = reply.json()["access_token"]
        self._variables = variables
        self._renew_at = time.monotonic() + RENEW_SECONDS

    def _renew_login(self) -> None:
        """Log in again before the login expires: a backfill can take longer."""
        if time.monotonic() > self._renew_at:
            self.log_in(self._variables)

    def wait_for(self, is_reached: Callable[[], bool], seconds: float, failure: str) -> None:
        """Poll until a condition holds.

        :param failure: start of the error text.
        :raises AirflowApiError: the condition does not hold in time.
        """
        deadline = time.monotonic() + seconds
        while not is_reached():
            self.check()
            if time.monotonic() > deadline:
                raise AirflowApiError(f"{failure} within {seconds:.0f} s.")
            time.sleep(POLL_SECONDS)

    def wait_for_dag(self, dag_id: str, seconds: float) -> None:
        """Wait until a Dag has been parsed.

        :raises AirflowApiError: the Dag does not appear in time; the text has the import errors of Dag files.
        """
        try:
            self.wait_for(lambda: self._has_dag(dag_id), seconds, f"The Dag {dag_id} did not appear")
        except AirflowApiError as error:
            errors = ImportErrorApi(self.client).get_import_errors().import_errors
            traces = "".join(f"\n{entry.filename}:\n{entry.stack_trace}" for entry in errors)
            raise AirflowApiError(f"{error}{traces}") from None

    def set_paused(self, dag_id: str, is_paused: bool) -> None:
        """Pause or unpause a Dag."""
        self.dags.patch_dag(dag_id, DAGPatchBody(is_paused=is_paused))

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return a run's state."""
        return self.dag_runs.get_dag_run(dag_id, run_id).state.value

    def runs_between(self, dag_id: str, first: datetime, last: datetime) -> list[DAGRunResponse]:
        """Return the runs whose logical date is between two instants, inclusive, oldest first."""
        period = {"logical_date_gte": first, "logical_date_lte": last, "order_by": ["logical_date"]}
        return list(entries(self.dag_runs.get_dag_runs, "dag_runs", dag_id=dag_id, **period))

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstanceResponse]:
        """Return every task instance of a run."""
        call = self.task_instances.get_task_instances
        return list(entries(call, "task_instances", dag_id=dag_id, dag_run_id=run_id))

    def progress(self, dag_id: str, run_id: str) -> str:
        """Return the progress of a run: `roll_call, 7 of 12 tasks done`."""
        tasks = self.tasks(dag_id, run_id)
        open_tasks = [task.task_id for task in tasks if state_of(task) not in DONE_STATES]
        current = open_tasks[0] if open_tasks else "waiting"
        return f"{current}, {len(tasks) - len(open_tasks)} of {len(tasks)} tasks done"

    def failures(self, dag_id: str, run_id: str) -> Iterator[str]:
        """Yield the last log lines of each failed task of a run."""
        for task in self.tasks(dag_id, run_id):
            if state_of(task) != "failed":
                continue
            yield f"{task.task_id} {task.rendered_map_index or ''}".strip()
            log = self.task_instances.get_log(
                dag_id, run_id, task.task_id, task.try_number, map_index=task.map_index, accept="application/json"
            )
            for entry in (log.content.actual_instance or [])[-LOG_LINES:]:
                yield f"  {getattr(entry, 'event', entry)}"

    def create_backfill(self, dag_id: str, first: datetime, last: datetime, reprocess: str) -> frozenset[datetime]:
        """Create a backfill between two instants, inclusive, once Airflow accepts one.

        :param reprocess: which existing runs to repeat: `none`, `failed`, or `completed` (failed and succeeded).
        :return: the logical dates to run; if empty, no backfill is created.
        """
        body = BackfillPostBody(
            dag_id=dag_id, from_date=first, to_date=last, reprocess_behavior=ReprocessBehavior(reprocess)
        )
        planned = self.backfills.create_backfill_dry_run(body).backfills
        deadline = time.monotonic() + BACKFILL_CLOSED_SECONDS
        while planned:
            try:
                self.backfills.create_backfill(body)
                break
            except ConflictException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
        return frozenset(run.logical_date for run in planned if run.logical_date)

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
    """Yield all entries of a paginated list."""
    count = 0
    while True:
        page = call(**parameters, limit=PAGE_ENTRIES, offset=count)
        found = getattr(page, name)
        yield from found
        count += len(found)
        if not found or count >= page.total_entries:
            return


def state_of(task: TaskInstanceResponse) -> str:
    """Return a task instance's state; empty before it is scheduled."""
    return task.state.value if task.state else ""


def describe_api_error(error: ApiException) -> str:
    """Return Airflow's error message for a rejected request."""
    try:
        detail = json.loads(error.body or "")["detail"]
    except (ValueError, KeyError, TypeError):
        detail = error.reason
    return f"Airflow returned HTTP {error.status}: {detail}"


def read_login(variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the first admin and its password.

    :raises AirflowApiError: the passwords file lacks the user.
    """
    user = first_admin(read_users(variables))
    path = Path(variables[PASSWORDS_FILE_VARIABLE])
    password = read_passwords(path).get(user)
    if password is None:
        raise AirflowApiError(f"{path} has no password for the user {user}. Restart the stack to generate it.")
    return user, password
