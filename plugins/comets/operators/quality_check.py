"""The task that checks what a step landed, before the run publishes its date."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.database.client import connect
from comets.errors import QualityCheckError
from comets.quality.checks import Step, failed_messages, run_checks
from comets.settings import settings


class QualityCheckOperator(BaseOperator):
    """Run all checks of a step and fail if one of them fails, so that no later step publishes the date.

    :param step: "search" or "roll_call"; its checks are the files of ``include/sql/quality/<step>``
    :param after: an earlier step whose failed checks stop the run here too
    """

    def __init__(self, *, step: str, after: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.after = after

    def execute(self, context: Context) -> None:
        """Check the step.

        :raises QualityCheckError: names each failed check with its value, its threshold, and what to do.
        """
        run_id = context["dag_run"].run_id
        with connect(timeout=self.execution_timeout) as database:
            earlier = failed_messages(database, run_id, Step(self.after)) if self.after else []
            results = run_checks(database, run_id, Step(self.step), settings().checks)
        failures = [f"{message} The log of check_{self.after} says what to do." for message in earlier]
        failures += [f"{result.message} {result.remedy}" for result in results if result.is_failed]
        if failures:
            raise QualityCheckError(
                f"This run publishes nothing: {' '.join(failures)} What was published before stays."
            )
        self.log.info("All %d checks passed", len(results))
