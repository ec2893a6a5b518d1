"""The task that erases a creator."""

from __future__ import annotations

from airflow.sdk import BaseOperator, Context

from comets.database.client import connect
from comets.privacy.erasure import erase_creator


class ForgetCreatorOperator(BaseOperator):
    """Erase the creator of the param `creator` from every table and block its ids.

    Neither the log nor XCom names the creator; the run's own conf does.

    :return: counts only, for XCom: rows by table
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Erase the creator.

        :raises ParamsError: the param matches no creator, or more than one; nothing is erased.
        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        with connect() as database:
            database.require_schema()
            counts = erase_creator(database, context["params"]["creator"], context["dag_run"].run_id)
        for table, count in counts.items():
            self.log.info("%s: %d rows", table, count)
        self.log.info(
            "%d rows erased from %d tables. Discovery rejects the creator from now on.",
            sum(counts.values()),
            len(counts),
        )
        return dict(counts)
