"""Quality checks between the steps of a run: SQL that keeps a date with implausible data from being published."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from comets.database.client import Database
from comets.settings import SQL_FOLDER, Checks

# Loggers below `airflow.task` keep INFO records in `airflow dags test` too.
log = logging.getLogger(f"airflow.task.{__name__}")


class Step(StrEnum):
    """A step with checks, which are the files of ``include/sql/quality/<step>``."""

    SEARCH = "search"
    ROLL_CALL = "roll_call"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    `measured_value` and `threshold` are counts or fractions of 1. The value is None when there is nothing to measure.
    """

    check_name: str
    measured_value: Decimal | None
    threshold: Decimal
    is_failed: bool
    message: str
    remedy: str


def run_checks(database: Database, run_id: str, step: Step, thresholds: Checks) -> list[CheckResult]:
    """Run every check of a step, replace the run's stored results, and mark the landed rows to discard."""
    results = [_run_check(database, run_id, step, name, thresholds) for name in _check_names(step)]
    with database.transaction():
        database.execute("quality/delete_results", run_id=run_id, step=step.value)
        for result in results:
            database.execute(
                "quality/store_result",
                run_id=run_id,
                check_name=result.check_name,
                measured_value=result.measured_value,
                threshold=result.threshold,
                is_failed=result.is_failed,
                message=result.message,
            )
        database.execute(f"quality/invalidate_{step.value}", run_id=run_id)
    return results


def failed_messages(database: Database, run_id: str, step: Step) -> list[str]:
    """Return the stored messages of a step's failed checks."""
    rows = database.fetch_all("quality/failed_checks", run_id=run_id, step=step.value)
    return [row["message"] for row in rows]


def _check_names(step: Step) -> list[str]:
    return sorted(path.stem for path in (SQL_FOLDER / "quality" / step.value).glob("*.sql"))


def _run_check(database: Database, run_id: str, step: Step, name: str, thresholds: Checks) -> CheckResult:
    row = database.fetch_one(f"quality/{step.value}/{name}", run_id=run_id, **thresholds.model_dump())
    result = CheckResult(check_name=f"{step.value}.{name}", **row)
    log.log(
        logging.ERROR if result.is_failed else logging.INFO,
        "Check %s %s: %s",
        result.check_name,
        "failed" if result.is_failed else "passed",
        result.message,
    )
    return result
