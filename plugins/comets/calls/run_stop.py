"""The reason that a run makes no more calls, as one sentence for task logs and the report."""

from __future__ import annotations

from dataclasses import dataclass

from comets.errors import TikHubBalanceError
from comets.settings import TIKHUB_CONN_ID

BUDGET = "budget"
"""The reason of a run that spent its budget. Every other reason is the name of an error class."""

_BUDGET = (
    "The run's budget of {budget:,} TikHub calls is spent: clear the failed tasks, which resets the budget, or trigger "
    "a run with a higher max_api_calls. Landed data is kept, used and not fetched again."
)
_BALANCE = (
    "TikHub refused a call for lack of balance (HTTP {status}), so this run makes no more calls: top up the "
    "account at TikHub, then clear the failed tasks."
)
_KEY = (
    "TikHub refused the API key (HTTP {status}), so this run makes no more calls: set a valid key as the password of "
    f"the Airflow connection `{TIKHUB_CONN_ID}`, then clear the failed tasks."
)
_SCOPE = (
    "TikHub forbids a call with this API key (HTTP {status}), so this run makes no more calls: check at TikHub that "
    "the account is enabled, its e-mail is verified and the key's scopes include the route, then clear the failed "
    "tasks."
)
_CONNECTION = (
    f"The Airflow connection `{TIKHUB_CONN_ID}` is missing or its API key is unusable, so this run makes no calls: fix "
    "the connection, then clear the failed tasks."
)
_FORBIDDEN = 403


@dataclass(frozen=True)
class RunStop:
    """The reason that a run makes no more calls, and what to do about it.

    :param reason: `BUDGET`, or the name of the error class
    :param budget: calls that the run may make
    :param status: HTTP status of the error; None when no call could be made
    """

    reason: str
    budget: int = 0
    status: int | None = None

    def __str__(self) -> str:
        """Return one line for logs."""
        return f"Stopped: {self.sentence}"

    @property
    def sentence(self) -> str:
        """What happened and what to do."""
        return self._template.format(budget=self.budget, status=self.status)

    @property
    def _template(self) -> str:
        if self.reason == BUDGET:
            return _BUDGET
        if self.reason == TikHubBalanceError.__name__:
            return _BALANCE
        if self.status is None:
            return _CONNECTION
        return _SCOPE if self.status == _FORBIDDEN else _KEY
