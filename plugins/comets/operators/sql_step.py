"""A step that is one SQL file."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import Context

SENTENCES = {
    "filter_comets": "{comet_count:,} Comets qualify, {new_count:,} of them new",
    "upsert_creators": "{creator_count:,} creators upserted, {new_count:,} of them new",
    "record_growth": (
        "{snapshot_count:,} snapshots stored for {recorded_date}, {estimated_count:,} of them estimated and "
        "{backdated_count:,} backdated"
    ),
    "score_creators": "{creator_count:,} creators ranked for {recorded_date}, {graduated_count:,} of them graduated",
}
"""Log lines of the steps, formatted with the row of ``include/sql/reporting/<step>_summary.sql``."""


class SqlStepOperator(SQLExecuteQueryOperator):
    """Run a SQL file in one transaction and log its result in a sentence.

    The SQL text is shown in "Rendered Templates" and not in the log.

    :param step: name of a file in ``include/sql`` without ".sql"; the task id by default
    """

    template_fields = (*SQLExecuteQueryOperator.template_fields, "summary")

    def __init__(self, *, task_id: str, step: str | None = None, **kwargs: Any) -> None:
        self.step = step or task_id
        self.summary = f"reporting/{self.step}_summary.sql"
        super().__init__(task_id=task_id, sql=f"{self.step}.sql", **kwargs)

    def execute(self, context: Context) -> None:
        """Run the step.

        :raises psycopg.Error: the transaction is rolled back; `CallRetryPolicy` decides about a retry.
        """
        # Importing psycopg takes a tenth of a second; each parse of the Dag file imports this module.
        from psycopg.rows import dict_row

        hook: Any = self.get_db_hook()
        # hook.run() would log "Rows affected" for each statement.
        with (
            closing(hook.get_conn()) as connection,
            connection.transaction(),
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            for statement in hook.split_sql_string(self.sql):
                cursor.execute(statement, self.parameters)
            counts = cursor.execute(self.summary, self.parameters).fetchone()
        self.log.info("%s", SENTENCES[self.step].format_map(counts))
