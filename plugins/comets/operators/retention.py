"""The tasks that delete what the settings no longer keep: rows of the creators' database, and task logs."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from airflow.sdk import BaseOperator, Context
from airflow.sdk.configuration import conf

from comets.database.client import connect
from comets.dates import run_date, today
from comets.privacy.retention import clear_missing_profiles, trim_handles, trim_landing
from comets.privacy.task_logs import delete_task_logs
from comets.settings import settings


class TrimLandingOperator(BaseOperator):
    """Delete landed rows, former handles and profiles of missing creators that are older than the settings keep them.

    Days are counted back from the date of the run.

    :return: counts only, for XCom: deleted rows by table; of `creators`, the rows with a cleared profile
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Trim the tables.

        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        timezone = settings().timezone
        retention = settings().retention
        # A date in the future would delete rows that are still to be kept.
        date = min(run_date(context["dag_run"], timezone), today(timezone))
        counts: Counter[str] = Counter()
        with connect() as database:
            database.require_schema()
            for name, days, trim in (
                ("landing_days", retention.landing_days, trim_landing),
                ("former_handle_days", retention.former_handle_days, trim_handles),
                ("missing_profile_days", retention.missing_profile_days, clear_missing_profiles),
            ):
                if days is None:
                    self.log.info("retention.%s is empty: nothing is deleted", name)
                    continue
                kept_date = date - timedelta(days=days)
                trimmed = trim(database, kept_date, timezone)
                for table, count in trimmed.items():
                    self.log.info("%s: %d rows %s", table, count, "cleared" if table == "creators" else "deleted")
                self.log.info("%d rows from before %s (%s = %d)", trimmed.total(), kept_date, name, days)
                counts += trimmed
        return dict(counts)


class DeleteTaskLogsOperator(BaseOperator):
    """Delete log files of this package's tasks that are older than ``retention.task_log_days``, on this machine.

    :return: the number of deleted files
    """

    def execute(self, context: Context) -> int:
        """Delete the files.

        :raises TaskLogsError: some files can't be deleted.
        """
        days = settings().retention.task_log_days
        if days is None:
            self.log.info("retention.task_log_days is empty: nothing is deleted")
            return 0
        folder = Path(conf.get("logging", "base_log_folder"))
        count = delete_task_logs(folder, time.time() - timedelta(days=days).total_seconds())
        self.log.info("%d log files deleted in %s (task_log_days = %d)", count, folder, days)
        return count
