"""Why a run makes no further call, in one sentence: for the log of the task that stopped and for the report."""

from __future__ import annotations

from dataclasses import dataclass

from comets.errors import TikHubBalanceError
from comets.settings import TIKHUB_CONN_ID

BUDGET = "budget"
"""The reason of a stop that no error of TikHub's has caused; the others are names of the errors' classes."""

_BUDGET = (
    "The run's budget of {budget:,} TikHub calls is spent: clear the failed tasks, which renews it, or trigger a run "
    "with a higher max_api_calls; what was landed is kept, used and not asked for again."
)
_BALANCE = (
    "TikHub refused a call for lack of balance (HTTP {status}), so this run makes no further one: top up the account "
    "at TikHub, then clear the failed tasks."
)
_KEY = (
    "TikHub refused the API key (HTTP {status}), so this run makes no further call: put a valid key into the password "
    f"of the Airflow connection `{TIKHUB_CONN_ID}`, then clear the failed tasks."
)
_RIGHT = (
    "TikHub forbids a call with this API key (HTTP {status}), so this run makes no further one: check at TikHub that "
    "the account is enabled, its e-mail verified and the route within the key's scopes, then clear the failed tasks."
)
_CONNECTION = (
    f"The Airflow connection `{TIKHUB_CONN_ID}` is missing or its API key is unusable, so this run makes no call: put "
    "it right, then clear the failed tasks."
)
_FORBIDDEN = 403


@dataclass(frozen=True)
class RunStop:
    """What has ended all calling of a run; its text is a sentence that says so, and what to do.

    :param reason: `BUDGET`, or the name of the error's class
    :param budget: the run's calls in all
    :param status: HTTP status of the error; None when no call could be made
    """

    reason: str
    budget: int = 0
    status: int | None = None

    def __str__(self) -> str:
        """One line for logs."""
        return f"Stopped: {self.sentence}"

    @property
    def sentence(self) -> str:
        """What has happened and what to do."""
        return self._template.format(budget=self.budget, status=self.status)

    @property
    def _template(self) -> str:
        if self.reason == BUDGET:
            return _BUDGET
        if self.reason == TikHubBalanceError.__name__:
            return _BALANCE
        if self.status is None:
            return _CONNECTION
        return _RIGHT if self.status == _FORBIDDEN else _KEY
