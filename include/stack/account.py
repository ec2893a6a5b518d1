"""The TikHub account of the configured key, fetched by a free call."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

import requests

from comets.tikhub.connection import BaseUrlError, base_url_of
from include.stack.clocks import Clock, compare_date_header
from include.stack.environment import Environment
from include.stack.errors import StackError

ROUTE = "/api/v1/tikhub/user/get_user_info"
TIMEOUT_SECONDS = 4
TIKHUB_VARIABLE = "AIRFLOW_CONN_TIKHUB"


class AccountError(StackError):
    """TikHub rejects the key or is unreachable; the text has the cause and remedy, not the key."""


@dataclass(frozen=True)
class Account:
    """Credit of a TikHub account, in USD, and TikHub's clock if its answer shows the time."""

    balance: float
    free_credit: float
    clock: Clock | None = None

    @property
    def credit(self) -> float:
        """All that can be spent, in USD."""
        return self.balance + self.free_credit


def fetch_account(environment: Environment) -> Account | None:
    """Fetch the account of the configured key. The response contains an e-mail address, so it is never shown.

    :return: None if the connection is a URI, which only Airflow can read
    :raises AccountError: TikHub is unreachable or rejects the key, or the balance is empty.
    """
    if not environment.variables[TIKHUB_VARIABLE].lstrip().startswith("{"):
        return None
    url, key = tikhub_access(environment)
    source = environment.tikhub_source
    sent_at = datetime.now(UTC)
    try:
        reply = requests.get(
            url + ROUTE,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        reason = type(error).__name__
        raise AccountError(f"Can't reach TikHub at {url} ({reason}). Check the network and the address.") from None
    clock = compare_date_header(reply.headers.get("Date"), sent_at)
    if reply.status_code in (401, 403):
        raise AccountError(f"TikHub rejects the key in {source} (HTTP {reply.status_code}). Copy it again from TikHub.")
    try:
        user = reply.json()["user_data"]
        account = Account(float(user["balance"]), float(user["free_credit"]), clock)
    except (ValueError, KeyError, TypeError):
        raise AccountError(
            f"{url}{ROUTE} returned no account (HTTP {reply.status_code}). Check the address, or try again later."
        ) from None
    if account.credit <= 0:
        raise AccountError(f"The TikHub account of {source} has no balance. Top it up, then try again.")
    return account


def tikhub_access(environment: Environment) -> tuple[str, str]:
    """Return TikHub's base URL, as the hook reads it, and the key.

    :raises AccountError: the connection is invalid JSON, lacks the key, or has an invalid host.
    """
    try:
        connection = json.loads(environment.variables[TIKHUB_VARIABLE])
        fields = {name: connection.get(name) for name in ("conn_type", "host", "schema", "port")}
        extra = connection.get("extra") or {}
        address = SimpleNamespace(**fields, extra_dejson=json.loads(extra) if isinstance(extra, str) else extra)
        return base_url_of(address), str(connection["password"])
    except BaseUrlError as error:
        raise AccountError(f"{TIKHUB_VARIABLE} has an invalid host: {error}.") from None
    except (ValueError, KeyError, AttributeError):
        raise AccountError(f"{TIKHUB_VARIABLE} is not JSON with a password.") from None
