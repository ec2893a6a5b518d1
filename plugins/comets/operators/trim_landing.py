"""The task that deletes what TikHub answered long ago."""

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
        """Trim the landing.

        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        timezone = settings().timezone
        landing_days = settings().retention.landing_days
        # A date to come would take rows that are still to be kept.
        date = min(run_date(context["dag_run"], timezone), today(timezone))
        kept_date = date - timedelta(days=landing_days)
        self.log.info("What TikHub answered is kept for %d days: from %s on", landing_days, kept_date)
        with connect() as database:
            database.require_schema()
            counts = trim_landing(database, kept_date, timezone)
        for table, count in counts.items():
            self.log.info("%s: %d rows deleted", table, count)
        if not counts:
            self.log.info("Nothing was that old.")
        return dict(counts)
