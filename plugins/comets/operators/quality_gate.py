"""The tasks between the steps: let a run go on to publish its date, or stop it with a sentence that says why."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.database import connect
from comets.gates import GateTrippedError, Step, check_step, tripped_sentences
from comets.settings import settings


class QualityGateOperator(BaseOperator):
    """Make all checks of a step, and fail if one of them objects, so that nothing after it is published.

    :param step: "search" or "roll_call"; its checks are the files of ``include/sql/checks/<step>``
    :param after: an earlier step whose objections stop the run here too
    """

    def __init__(self, *, step: str, after: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.after = after

    def execute(self, context: Context) -> None:
        """Check the step.

        :raises GateTrippedError: names every figure and threshold, and what to do.
        """
        run_id = context["dag_run"].run_id
        with connect(timeout=self.execution_timeout) as database:
            earlier = tripped_sentences(database, run_id, Step(self.after)) if self.after else []
            tripped = [
                verdict
                for verdict in check_step(database, run_id, Step(self.step), settings().gates)
                if verdict.is_tripped
            ]
        objections = [f"{sentence} The log of check_{self.after} says what to do." for sentence in earlier]
        objections += [f"{verdict.sentence} {verdict.remedy}" for verdict in tripped]
        if objections:
            raise GateTrippedError(
                f"This run publishes nothing: {' '.join(objections)} What was published before stays."
            )
