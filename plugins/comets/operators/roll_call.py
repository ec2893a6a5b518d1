"""The roll call of a run: the profiles of its Comets and of every tracked creator, in mapped batches."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.calls.ledger import Ledger
from comets.calls.rate_limit import calls_within
from comets.database.client import connect
from comets.dates import today
from comets.deadline import TASK_TIMEOUT
from comets.profiles.roll_call import plan_roll_call, refresh_run_mode, roll_call_members
from comets.settings import TIKHUB_CONN_ID, settings


class PlanRollCallOperator(BaseOperator):
    """Select the creators to fetch and divide them into batches; their members stay in the database.

    :return: the numbers of the batches. There is always one, even an empty one: mapped over nothing, the roll call and
        the steps after it would be skipped.
    """

    def execute(self, context: Context) -> list[int]:
        """Plan the roll call."""
        run_id = context["dag_run"].run_id
        with connect(timeout=self.execution_timeout) as database:
            refresh_run_mode(database, run_id, today(settings().timezone))
            # Smaller batches at a slow rate limit: a task finishes its own in half of its time.
            batch_size = min(settings().roll_call.batch_size, calls_within(TASK_TIMEOUT / 2, settings()))
            batches = plan_roll_call(database, run_id, batch_size)
        self.log.info("%d creators to fetch, in %d batches", sum(batches.values()), len(batches))
        return list(batches) or [1]


class RollCallOperator(BaseOperator):
    """Fetch and land the profiles of one batch; a retry or a cleared task fetches only those still missing.

    A creator that can't be fetched is reported and fails nothing.

    :param batch_number: as ``PlanRollCallOperator`` returns it
    :return: counts only, for XCom: accounts by outcome
    """

    def __init__(self, *, batch_number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_number = batch_number

    def execute(self, context: Context) -> dict[str, int]:
        """Fetch the profiles.

        :raises TikHubError: some calls failed; `CallRetryPolicy` decides about a retry.
        :raises CallSkippedError: the budget is spent, or a sibling met an error that stops the run's calls.
        """
        # Importing the hook takes a quarter of a second; each parse of the Dag file imports this module.
        from comets.profiles.queue import read_all
        from comets.profiles.reader import ProfileReader
        from comets.tikhub.hook import TikHubHook

        dag_run = context["dag_run"]
        with connect(timeout=self.execution_timeout) as database:
            refresh_run_mode(database, dag_run.run_id, today(settings().timezone))
            reader = ProfileReader(
                hook=TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID),
                database=database,
                ledger=Ledger(database, dag_run.run_id, dag_run.clear_number or 0),
                run_id=dag_run.run_id,
                retries=settings().retries,
            )
            members = roll_call_members(database, dag_run.run_id, self.batch_number)
            self.log.info("Batch %d: %d creators to fetch", self.batch_number, len(members))
            outcomes = read_all(reader, members)
        counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in outcomes.items())
        self.log.info("Batch %d: %s", self.batch_number, counts or "nothing to fetch")
        return {outcome.name.lower(): count for outcome, count in outcomes.items()}
