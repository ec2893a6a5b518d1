"""Gates between the steps of a run: checks in SQL that keep a date from being published when its data look wrong."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from comets.database import Database
from comets.settings import SQL_FOLDER, Gates

CHECKS_FOLDER = "checks"

# Airflow sets the level of this tree of loggers; below the root logger, INFO would be lost in `airflow dags test`.
log = logging.getLogger(f"airflow.task.{__name__}")


class GateTrippedError(RuntimeError):
    """A check keeps the run from publishing its date; the text names the figure, the threshold and what to do."""


class Step(StrEnum):
    """A step whose outcome is checked; its checks are the files of ``include/sql/checks/<step>``."""

    SEARCH = "search"
    ROLL_CALL = "roll_call"


@dataclass(frozen=True)
class Verdict:
    """What one check has found. A share is a fraction of 1; `figure` is None where there is nothing to judge."""

    gate: str
    figure: Decimal | None
    threshold: Decimal
    is_tripped: bool
    sentence: str
    remedy: str


def check_step(database: Database, run_id: str, step: Step, gates: Gates) -> list[Verdict]:
    """Make every check of a step, and state anew what they found and which landed rows are not to be believed."""
    verdicts = [_check(database, run_id, step, name, gates) for name in _names(step)]
    with database.transaction():
        database.execute(f"{CHECKS_FOLDER}/forget_gates", run_id=run_id, step=step.value)
        for verdict in verdicts:
            database.execute(
                f"{CHECKS_FOLDER}/store_gate",
                run_id=run_id,
                gate=verdict.gate,
                figure=verdict.figure,
                threshold=verdict.threshold,
                is_tripped=verdict.is_tripped,
                sentence=verdict.sentence,
            )
        database.execute(f"{CHECKS_FOLDER}/refuse_{step.value}", run_id=run_id)
    return verdicts


def tripped_sentences(database: Database, run_id: str, step: Step) -> list[str]:
    """What the last checks of a step object to."""
    rows = database.fetch_all(f"{CHECKS_FOLDER}/tripped_gates", run_id=run_id, step=step.value)
    return [row["sentence"] for row in rows]


def _names(step: Step) -> list[str]:
    return sorted(path.stem for path in (SQL_FOLDER / CHECKS_FOLDER / step.value).glob("*.sql"))


def _check(database: Database, run_id: str, step: Step, name: str, gates: Gates) -> Verdict:
    found = database.fetch_one(f"{CHECKS_FOLDER}/{step.value}/{name}", run_id=run_id, **gates.model_dump())
    verdict = Verdict(gate=f"{step.value}.{name}", **found)
    log.log(
        logging.ERROR if verdict.is_tripped else logging.INFO,
        "Gate %s %s, figure %s, threshold %s: %s",
        verdict.gate,
        "has tripped" if verdict.is_tripped else "has let pass",
        _number(verdict.figure),
        _number(verdict.threshold),
        verdict.sentence,
    )
    return verdict


def _number(figure: Decimal | None) -> str:
    return "none" if figure is None else f"{figure:.4f}".rstrip("0").rstrip(".")
