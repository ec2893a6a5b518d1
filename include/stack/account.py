"""The TikHub account behind the key, asked by a free call before anything is started or paid for."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import requests

from comets.tikhub.connection import BaseUrlError, base_url_of
from include.stack.environment import Environment
from include.stack.errors import StackError

ROUTE = "/api/v1/tikhub/user/get_user_info"
ANSWER_SECONDS = 4
TIKHUB_VARIABLE = "AIRFLOW_CONN_TIKHUB"


class AccountError(StackError):
    """TikHub cannot be asked with this key; the text says why and what to do, without the key."""


@dataclass(frozen=True)
class Account:
    """What the account can spend, in USD."""

    balance: float
    free_credit: float


def ask_account(environment: Environment) -> Account | None:
    """Ask TikHub for the account of the configured key; the answer is free. It holds an e-mail: it is not shown.

    :return: None where the connection is a URI, which only Airflow reads
    :raises AccountError: TikHub cannot be reached, refuses the key, or has no balance left for it.
    """
    if not environment.variables[TIKHUB_VARIABLE].lstrip().startswith("{"):
        return None
    url, key = tikhub_access(environment)
    source = environment.tikhub_source
    try:
        reply = requests.get(
            url + ROUTE,
            headers={"Authorization": f"Bearer {key}"},
            timeout=ANSWER_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        reason = type(error).__name__
        raise AccountError(f"TikHub cannot be reached at {url} ({reason}): check network and address.") from None
    if reply.status_code in (401, 403):
        raise AccountError(f"TikHub refuses the key of {source} (HTTP {reply.status_code}). Copy it again from TikHub.")
    try:
        user = reply.json()["user_data"]
        account = Account(float(user["balance"]), float(user["free_credit"]))
    except (ValueError, KeyError, TypeError):
        raise AccountError(f"{url} answered HTTP {reply.status_code} to {ROUTE}, not with an account.") from None
    if account.balance + account.free_credit <= 0:
        raise AccountError(f"The TikHub account of {source} has no balance left. Top it up, then start again.")
    return account


def tikhub_access(environment: Environment) -> tuple[str, str]:
    """Return TikHub's base URL, as the hook reads it, and the key.

    :raises AccountError: the connection is not valid JSON, has no key, or a host that is no web address.
    """
    try:
        connection = json.loads(environment.variables[TIKHUB_VARIABLE])
        address = SimpleNamespace(**{name: connection.get(name) for name in ("conn_type", "host", "schema", "port")})
        return base_url_of(address), str(connection["password"])
    except BaseUrlError as error:
        raise AccountError(f"{TIKHUB_VARIABLE} has a wrong host: {error}.") from None
    except (ValueError, KeyError, AttributeError):
        raise AccountError(f"{TIKHUB_VARIABLE} is not JSON with a password.") from None
