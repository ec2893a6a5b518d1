"""The TikHub account behind the key, asked by a free call before anything is started or paid for."""

import json
from dataclasses import dataclass

import requests

from include.stack.environment import TIKHUB_URL, Environment
from include.stack.errors import StackError

ROUTE = "/api/v1/tikhub/user/get_user_info"
ANSWER_SECONDS = 4


class AccountError(StackError):
    """TikHub cannot be asked with this key; the text says why and what to do, without the key."""


@dataclass(frozen=True)
class Account:
    """What the account can spend, in USD."""

    balance: float
    free_credit: float


def ask_account(environment: Environment) -> Account:
    """Ask TikHub for the account of the configured key; the answer is free. It holds an e-mail: it is not shown.

    :raises AccountError: TikHub cannot be reached, refuses the key, or has no balance left for it.
    """
    host, key = tikhub_access(environment)
    source = environment.tikhub_source
    try:
        reply = requests.get(host + ROUTE, headers={"Authorization": f"Bearer {key}"}, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        raise AccountError(
            f"TikHub cannot be reached at {host} ({type(error).__name__}). Check TIKHUB_BASE_URL."
        ) from None
    if reply.status_code in (401, 403):
        raise AccountError(f"TikHub refuses the key of {source} (HTTP {reply.status_code}). Copy it again from TikHub.")
    try:
        user = reply.json()["user_data"]
        account = Account(float(user["balance"]), float(user["free_credit"]))
    except (ValueError, KeyError, TypeError):
        raise AccountError(f"{host} answered HTTP {reply.status_code} to {ROUTE}, not with an account.") from None
    if account.balance + account.free_credit <= 0:
        raise AccountError(f"The TikHub account of {source} has no balance left. Top it up, then start again.")
    return account


def tikhub_access(environment: Environment) -> tuple[str, str]:
    """Return TikHub's base URL and the key.

    :raises AccountError: the connection is not written as JSON, which alone can be read without Airflow.
    """
    try:
        connection = json.loads(environment.variables["AIRFLOW_CONN_TIKHUB"])
        return str(connection.get("host") or TIKHUB_URL).rstrip("/"), str(connection["password"])
    except (ValueError, KeyError, TypeError):
        raise AccountError(
            "AIRFLOW_CONN_TIKHUB is not JSON with a password: write it so, or set TIKHUB_API_KEY."
        ) from None
