"""Forecast of today's run, and consent to its cost."""

import os
import sys

from comets.settings import Settings
from include.stack.database import connect
from include.stack.environment import Environment
from include.stack.errors import StackError

YES_VARIABLE = "YES"


class DeclinedError(StackError):
    """The user declined the run."""


def forecast(environment: Environment, settings: Settings) -> str:
    """Return the calls and cost of a run with default params, as text."""
    from comets.database.client import Database
    from comets.params import parse_params, trigger_form
    from comets.runs.acceptance import forecast_run

    params = parse_params({name: param.value for name, param in trigger_form(settings).items()})
    with connect(environment) as connection:
        return str(forecast_run(Database(connection), params, settings.budget.price_per_call_usd))


def confirm(question: str) -> None:
    """Ask whether to continue; skipped with YES=1 or without a terminal.

    :raises DeclinedError: the answer is no.
    """
    if os.environ.get(YES_VARIABLE) or not sys.stdin.isatty():
        return
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise DeclinedError("Cancelled. No call was made.")
