"""Notifications: the new Comets and breakouts of each run, each sent once, and a message when a run fails.

They are callbacks of the last task of a run: they execute in that task's process and write to its log. They can't
change the state of the run, which Airflow has recorded by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from airflow.sdk import BaseNotifier, Connection, Context
from airflow.sdk.exceptions import AirflowFailException

from comets.database.client import Database, connect
from comets.dates import run_date
from comets.errors import DatabaseError, NotificationError, ParamsError
from comets.notifications.message import RunHighlights, failure_message, highlights_message
from comets.notifications.sender import find_connection, send
from comets.settings import NOTICES_CONN_ID, settings

DATABASE_TIMEOUT = timedelta(seconds=20)
"""Airflow ends a task's process this long after the task (``[core] task_success_overtime``)."""

USER_FACING_ERRORS = (AirflowFailException, DatabaseError, ParamsError)
"""Errors whose texts say what to do and contain no secret."""


class CometNotifier(BaseNotifier):
    """Send the highlights of a run, or its failure, to the services of the Airflow connection `comets_notices`.

    Nothing is sent without that connection. Highlights are marked as sent in the transaction that sends the message: if
    no service accepts it, the next run of the date sends them, or this run when its task is cleared.

    :param has_failed: whether the run failed; failures are sent every time
    """

    _log_config_logger_name = "airflow.task"

    def __init__(self, *, has_failed: bool = False) -> None:
        super().__init__()
        self.has_failed = has_failed

    def notify(self, context: Context) -> None:
        """Send the message; log a warning when that fails."""
        try:
            connection = find_connection()
            if connection is not None:
                self._notify(connection, context)
        except (DatabaseError, NotificationError) as error:
            self._warn(str(error))
        except Exception as error:
            # The text of an unknown error can contain a URL with its token.
            self._warn(f"{type(error).__name__}.")

    def _notify(self, connection: Connection, context: Context) -> None:
        dag_run = context["dag_run"]
        recorded_date = run_date(dag_run, settings().timezone)
        if not self.has_failed:
            self._send_highlights(connection, recorded_date, dag_run.run_id)
            return
        reason = _reason(context)
        try:
            self._send_failure(connection, recorded_date, reason, dag_run.run_id)
        except DatabaseError as error:
            # The database may be the cause; notify anyway.
            self.log.info("The highlights of this run are sent later: %s", error)
            self._send(connection, failure_message(recorded_date, reason, RunHighlights()))

    def _send_highlights(self, connection: Connection, recorded_date: date, run_id: str) -> None:
        with connect(timeout=DATABASE_TIMEOUT) as database, database.transaction():
            highlights = _claim(database, run_id)
            if highlights:
                self._send(connection, highlights_message(recorded_date, highlights))

    def _send_failure(self, connection: Connection, recorded_date: date, reason: str, run_id: str) -> None:
        with connect(timeout=DATABASE_TIMEOUT) as database, database.transaction():
            self._send(connection, failure_message(recorded_date, reason, _claim(database, run_id)))

    def _send(self, connection: Connection, message: tuple[str, str]) -> None:
        title, body = message
        failed = send(connection, title, body, is_failure=self.has_failed)
        self.log.info("Notification sent: %s", title)
        if failed:
            self.log.warning(
                "Notification not accepted by %s, but by other services. Check the URL in the Airflow connection `%s`.",
                ", ".join(failed),
                NOTICES_CONN_ID,
            )

    def _warn(self, reason: str) -> None:
        self.log.warning(
            "The notification of this run was not sent: %s The run is not affected. Its new Comets and breakouts are "
            "sent by the next run of this date, or when this task is cleared.",
            reason,
        )


class FailureNotifier(BaseNotifier):
    """Send the failure of another Dag: the class of the error, not its text, which may have a uid."""

    _log_config_logger_name = "airflow.task"

    def notify(self, context: Context) -> None:
        """Send the message; log a warning when that fails."""
        ti, error = context["ti"], context.get("exception")
        kind = f" ({type(error).__name__})" if isinstance(error, BaseException) else ""
        title, body = f"{ti.dag_id} failed", f"Task {ti.task_id} failed{kind}; see its log in Airflow."
        try:
            connection = find_connection()
            if connection is not None:
                send(connection, title, body, is_failure=True)
                self.log.info("Notification sent: %s", title)
        except NotificationError as failure:
            self.log.warning("The notification was not sent: %s", failure)
        except Exception as failure:
            # The text of an unknown error can contain a URL with its token.
            self.log.warning("The notification was not sent: %s.", type(failure).__name__)


RUN_CALLBACKS: dict[str, Any] = {
    "on_success_callback": CometNotifier(),
    "on_failure_callback": CometNotifier(has_failed=True),
}
"""Callbacks of the task `report`, which runs in every accepted run and fails when another task failed."""


def _claim(database: Database, run_id: str) -> RunHighlights:
    """Mark the unsent highlights as sent, effective with the commit, and return them."""
    database.execute("privacy/lock_landing_shared")
    return RunHighlights(
        comets=database.fetch_all("notifications/claim_comets", run_id=run_id),
        breakouts=database.fetch_all(
            "notifications/claim_breakouts", run_id=run_id, breakout_ratio=settings().notices.breakout_ratio
        ),
    )


def _reason(context: Mapping[str, Any]) -> str:
    """Return what failed and what to do."""
    error = context.get("exception")
    if isinstance(error, USER_FACING_ERRORS):
        return str(error)
    task_id = context["ti"].task_id
    kind = f" ({type(error).__name__})" if isinstance(error, BaseException) else ""
    return (
        f"Task {task_id} failed{kind}; see its log. Fix the cause, then clear the task with Downstream selected. "
        "Landed data is kept and not billed again."
    )
