"""The task that deletes old rows of the landing tables."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import BaseOperator, Context

from comets.database.client import connect
from comets.dates import run_date, today
from comets.privacy.retention import trim_landing
from comets.settings import settings


class TrimLandingOperator(BaseOperator):
    """Delete landed rows that are older than the settings allow, counted back from the date of the run.

    :return: counts only, for XCom: deleted rows by table
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Trim the landing tables.

        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        timezone = settings().timezone
        landing_days = settings().retention.landing_days
        # A date in the future would delete rows that are still to be kept.
        date = min(run_date(context["dag_run"], timezone), today(timezone))
        kept_date = date - timedelta(days=landing_days)
        with connect() as database:
            database.require_schema()
            counts = trim_landing(database, kept_date, timezone)
        for table, count in counts.items():
            self.log.info("%s: %d rows deleted", table, count)
        self.log.info(
            "%d rows deleted from before %s (landing_days = %d)", sum(counts.values()), kept_date, landing_days
        )
        return dict(counts)
