"""People and programs that ask Airflow's api-server over HTTP, with and without a login."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import requests

from tests.stack.running_stack import RunningStack

COOKIE = "_token"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SECONDS = 30


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session cookie, or without one."""

    url: str
    token: str | None = None

    def ask(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """Send one request as a browser does for a page; redirects are not followed."""
        cookies = {} if self.token is None else {"Cookie": f"{COOKIE}={self.token}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.url + path,
                headers={**BROWSER, **cookies, **headers},
                timeout=SECONDS,
                allow_redirects=False,
            )


def log_in(stack: RunningStack, user: str) -> Visitor:
    """A user with the cookie that Airflow's login form sets."""
    body = {"username": user, "password": stack.password(user)}
    with requests.Session() as session:
        session.trust_env = False
        reply = session.post(f"{stack.api.url}/auth/token", json=body, timeout=SECONDS)
    reply.raise_for_status()
    return Visitor(stack.api.url, reply.json()["access_token"])


def forged(stack: RunningStack, token: str, secret: str | None = None, **changes: Any) -> str:
    """The same token with other claims, signed with the stack's secret unless another is given."""
    claims = jwt.decode(token, options={"verify_signature": False})
    algorithm = jwt.get_unverified_header(token)["alg"]
    key = secret or stack.environment.variables["AIRFLOW__API_AUTH__JWT_SECRET"]
    return jwt.encode({**claims, **changes}, key, algorithm=algorithm)


def an_hour_ago() -> int:
    """As tokens count time."""
    return int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
