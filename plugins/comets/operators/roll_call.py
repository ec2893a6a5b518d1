"""The roll call of a run: the profile of its Comets and of every tracked creator, in mapped batches."""

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
    """Decide whose profile is asked for, and divide them into batches; their members stay in the database.

    :return: the numbers of the batches. There is always one, if an empty one: mapped over nothing, the roll call would
        be skipped, and the steps after it too.
    """

    def execute(self, context: Context) -> list[int]:
        """Plan the roll call."""
        run_id = context["dag_run"].run_id
        with connect(timeout=self.execution_timeout) as database:
            refresh_run_mode(database, run_id, today(settings().timezone))
            # At a slow pace batches are smaller, so that a task is done with its own in half of the time that it has.
            batch_size = min(settings().roll_call.batch_size, calls_within(TASK_TIMEOUT / 2, settings()))
            batches = plan_roll_call(database, run_id, batch_size)
        self.log.info("%d creators to ask for, in %d batches", sum(batches.values()), len(batches))
        return list(batches) or [1]


class RollCallOperator(BaseOperator):
    """Ask for the profiles of one batch and land them; a retry or a cleared task asks only for those still missing.

    A creator who can't be fetched is reported and fails nothing.

    :param batch_number: as ``PlanRollCallOperator`` returns it
    :return: counts only, for XCom: how many accounts ended how
    """

    def __init__(self, *, batch_number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_number = batch_number

    def execute(self, context: Context) -> dict[str, int]:
        """Read the profiles.

        :raises TikHubError: some must be tried again; `CallRetryPolicy` decides.
        :raises CallSkippedError: the budget is spent, or a sibling met an error that ends all calling.
        """
        # Importing the hook takes a quarter of a second, and whatever parses the Dag file imports this module.
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
            self.log.info("Batch %d: %d creators to ask for", self.batch_number, len(members))
            outcomes = read_all(reader, members)
        for outcome, count in outcomes.items():
            self.log.info("Profiles %s: %d", outcome.value, count)
        return {outcome.name.lower(): count for outcome, count in outcomes.items()}
