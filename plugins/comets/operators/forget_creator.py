"""The task that erases a creator and looks for what is left of it."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import BaseOperator, Context
from airflow.sdk.configuration import conf

from comets.database.client import Database, connect
from comets.privacy.erasure import Erasure, erase_creator
from comets.privacy.traces import find_in_files, find_in_tables, pattern_of
from comets.settings import settings

NAMED_FILES = 20
"""Log files that the task log names; the others are a number."""


class ForgetCreatorOperator(BaseOperator):
    """Erase the creator of the param `creator` from every table, block its ids, and look for what is left.

    Neither the log nor XCom names the creator, but an error may have its uid; the run's own conf names it.

    :return: counts only, for XCom: rows by table
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Erase the creator.

        :raises ParamsError: the param matches no creator or more than one, is not confirmed, or the daily limit is
            reached; nothing is erased.
        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        params = context["params"]
        with connect() as database:
            database.require_schema()
            erasure = erase_creator(
                database,
                params["creator"],
                context["dag_run"].run_id,
                confirm_uid=params.get("confirm_uid") or "",
                max_per_day=settings().privacy.max_erasures_per_day,
            )
            for table, count in erasure.counts.items():
                self.log.info("%s: %d rows", table, count)
            self.log.info(
                "%d rows erased from %d tables. Discovery rejects the creator from now on.",
                sum(erasure.counts.values()),
                len(erasure.counts),
            )
            self._report_traces(database, erasure)
        return dict(erasure.counts)

    def _report_traces(self, database: Database, erasure: Erasure) -> None:
        if not erasure.names:
            self.log.warning("An earlier try has erased the creator; run `make traces` to look for what is left.")
            return
        pattern = pattern_of(erasure.names)
        left = find_in_tables(database, pattern)
        for table, count in left.items():
            self.log.warning(
                "Left: %d rows of %s name the creator, in texts of other creators. They stay unless you delete them.",
                count,
                table,
            )
        if not left:
            self.log.info("Proof: no row of the creators' database has an id or a handle of the creator.")
        folder = Path(conf.get("logging", "base_log_folder"))
        files = find_in_files(folder, pattern) if folder.is_dir() else []
        for path in files[:NAMED_FILES]:
            self.log.warning("Left: a log file names the creator. Delete it: %s", path)
        if len(files) > NAMED_FILES:
            self.log.warning("Left: %d more log files in %s", len(files) - NAMED_FILES, folder)
        if not files:
            self.log.info("Proof: no log file in %s names the creator.", folder)
        self.log.warning(
            "Not visible from this task: Airflow's own database, which keeps the params of this run (delete the run), "
            "logs on other machines, notifications, exports and backups. `make traces` looks through Airflow's "
            "database; docs/howto/erase.md lists every place."
        )
