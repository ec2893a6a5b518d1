"""What a run of today will ask for and cost, before it is started."""

import os
import sys

from comets.settings import Settings
from include.stack.database import connect
from include.stack.environment import Environment
from include.stack.errors import StackError

YES_VARIABLE = "YES"


class DeclinedError(StackError):
    """The user does not want to pay for the run."""


def forecast(environment: Environment, settings: Settings) -> str:
    """Forecast a run with the settings' defaults in a sentence."""
    # Airflow takes seconds to import.
    from comets.database.client import Database
    from comets.params import parse_params, trigger_form
    from comets.runs.acceptance import forecast_run

    params = parse_params({name: param.value for name, param in trigger_form(settings).items()})
    with connect(environment) as connection:
        return str(forecast_run(Database(connection), params, settings.budget.price_per_call_usd))


def ask_consent(question: str) -> None:
    """Ask on a terminal whether to go on; YES=1 says so beforehand, and without a terminal there is no question.

    :raises DeclinedError: the answer is no.
    """
    if os.environ.get(YES_VARIABLE) or not sys.stdin.isatty():
        return
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise DeclinedError("Nothing was started and nothing was paid for.")
