"""Notices: after each run its new Comets and breakouts, each once, and a message when a run has failed.

They are callbacks of the task that a run ends with, so they run in that task's process and write into its log. Nothing
they do can change the state of the run, which Airflow knows by then.
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
"""Airflow ends a task's process so long after the task has ended (``[core] task_success_overtime``)."""

USER_FACING_ERRORS = (AirflowFailException, DatabaseError, ParamsError)
"""Errors of this package: their texts say what to do, and hold no secret."""


class CometNotifier(BaseNotifier):
    """Tell the services of the Airflow connection `comets_notices` what came of a run; silent when there is none.

    A Comet or a breakout counts as told in the same transaction in which the message is sent: if no service takes it,
    the next run of the date tells it, or this one when it is cleared.

    :param has_failed: whether the run has failed, which is told each time
    """

    # Where Airflow's operators and hooks log too.
    _log_config_logger_name = "airflow.task"

    def __init__(self, *, has_failed: bool = False) -> None:
        super().__init__()
        self.has_failed = has_failed

    def notify(self, context: Context) -> None:
        """Send what there is to tell; what goes wrong is a warning in the log."""
        try:
            connection = find_connection()
            if connection is not None:
                self._notify(connection, context)
        except (DatabaseError, NotificationError) as error:
            self._warn(str(error))
        except Exception as error:
            # Its text may hold anything, also a URL with its token.
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
            # Perhaps that is why the run has failed; it is told all the same.
            self.log.info("What the run has found is told another time: %s", error)
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
        self.log.info("Notice sent: %s", title)
        if failed:
            self.log.warning(
                "%s did not take the notice, others did. Check its URL in the Airflow connection `%s`.",
                ", ".join(failed),
                NOTICES_CONN_ID,
            )

    def _warn(self, reason: str) -> None:
        self.log.warning(
            "The notice of this run was not sent: %s The run is not affected. New Comets and breakouts are told by the "
            "next run of this date, or when this task is cleared.",
            reason,
        )


RUN_CALLBACKS: dict[str, Any] = {
    "on_success_callback": CometNotifier(),
    "on_failure_callback": CometNotifier(has_failed=True),
}
"""Callbacks of the report, which runs in every run that was accepted, and fails when any other task has failed."""


def _claim(database: Database, run_id: str) -> RunHighlights:
    """Take what nobody was told of yet; it is taken for good when the transaction is committed."""
    # First in the transaction, as wherever rows about creators are stored: see the file.
    database.execute("privacy/lock_landing_shared")
    return RunHighlights(
        comets=database.fetch_all("notifications/claim_comets", run_id=run_id),
        breakouts=database.fetch_all(
            "notifications/claim_breakouts", run_id=run_id, breakout_ratio=settings().notices.breakout_ratio
        ),
    )


def _reason(context: Mapping[str, Any]) -> str:
    """What has failed and what to do."""
    error = context.get("exception")
    if isinstance(error, USER_FACING_ERRORS):
        return str(error)
    task_id = context["ti"].task_id
    kind = f" ({type(error).__name__})" if isinstance(error, BaseException) else ""
    return (
        f"The task {task_id} has failed{kind}; its log says why. Put the cause right, then clear that task with "
        "Downstream ticked. What was landed is kept and not paid for again."
    )
