"""Attacks on a running stack: without a login, as users of every role, and through the texts that a run stores."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from comets.settings import DAG_ID
from include.sandbox.words import DEMO_HASHTAGS
from include.stack.environment import SANDBOX_KEY
from include.stack.keys import load_keys
from tests.conftest import PROFILE_VARIABLE, TEST_FOLDER
from tests.secret_scan import CACHE_LINK, findings
from tests.stack.running_stack import DATABASE_PASSWORD, RunningStack, running_stack
from tests.websocket import upgrade

pytestmark = pytest.mark.skipif(os.environ.get(PROFILE_VARIABLE) != "long", reason="takes minutes: long profile only")

ROLES = ("viewer", "user", "op", "admin")
DAY = datetime(2026, 3, 1, 2, tzinfo=UTC)
PAGES = ("", "leaderboard.json?size=200", "leaderboard.csv", "creators/1", "hashtags?days=366", "runs", "latest")
RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"
TRIGGER = {"logical_date": None, "conf": {"hashtags": ["#attack"], "pages_per_hashtag": 1}}
CONNECTION = {"connection_id": "attack", "conn_type": "http", "host": "http://169.254.169.254"}
# The lowest role that may do it, by Airflow's simple auth manager.
ACTIONS: dict[tuple[str, str], tuple[Any, str]] = {
    ("GET", RUNS): (None, "viewer"),
    ("GET", "/comets/"): (None, "viewer"),
    ("POST", RUNS): (TRIGGER, "user"),
    ("PATCH", f"/api/v2/dags/{DAG_ID}"): ({"is_paused": False}, "user"),
    ("POST", "/api/v2/dags/forget_creator/dagRuns"): ({"logical_date": None, "conf": {}}, "user"),
    ("GET", "/api/v2/connections"): (None, "op"),
    ("POST", "/api/v2/connections"): (CONNECTION, "op"),
    ("GET", "/api/v2/variables"): (None, "op"),
    ("POST", "/api/v2/variables"): ({"key": "attack", "value": "1"}, "op"),
    ("PATCH", "/api/v2/pools/tikhub"): ({"name": "tikhub", "slots": 4}, "op"),
}
OPEN_PATHS = re.compile(
    r"/api/v2/(monitor/health|version|auth/(login|logout))|/auth/.*|/ui/auth/.*|/ui/(static|public)/.*|/|/\{rest_of_path\}"
)
TEXTS = (
    "{{ conn.tikhub.password }}",
    "'; drop table creators; --",
    "<img src=x onerror=alert(1)>",
    "=cmd|'/C calc'!A0",
    "$(id)",
    "..%2f..%2fetc%2fpasswd",
    "a\r\nSet-Cookie: evil=1",
    "\u202eevil",
    "%(run_id)s",
)


class Client:
    """A client of the stack's web server with one user's token, or none."""

    def __init__(self, stack: RunningStack, user: str | None) -> None:
        self._url = stack.api.url
        self._session = requests.Session()
        self._session.trust_env = False
        if user:
            answer = self.send("POST", "/auth/token", {"username": user, "password": stack.password(user)})
            self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request without following redirects."""
        return self._session.request(method, f"{self._url}{path}", json=body, allow_redirects=False, timeout=60)


@pytest.fixture(scope="module")
def attacked() -> Iterator[RunningStack]:
    """A stack with a user of each role and one day of data."""
    users = ",".join(f"{role}:{role}" for role in ROLES)
    variables = {"COMETS_UI_USERS": users}
    with running_stack(TEST_FOLDER / "an attacked stack", variables) as stack:
        stack.run(DAY, {"hashtags": list(DEMO_HASHTAGS), "pages_per_hashtag": 2})
        yield stack


@pytest.fixture(scope="module")
def clients(attacked: RunningStack) -> dict[str | None, Client]:
    """A client for each role, and one without a login."""
    return {user: Client(attacked, user) for user in (None, *ROLES)}


def test_no_route_answers_without_login(clients: dict[str | None, Client]) -> None:
    routes = clients["admin"].send("GET", "/openapi.json").json()["paths"]
    assert len(routes) > 80
    for path, operations in routes.items():
        if OPEN_PATHS.fullmatch(path):
            continue
        address = re.sub(r"\{[^}]*\}", "1", path)
        for method in operations:
            status = clients[None].send(method.upper(), address, {}).status_code
            assert status in {401, 403}, (method, path, status)
    for path in PAGES:
        assert clients[None].send("GET", f"/comets/{path}").status_code == 401, path


@pytest.mark.parametrize("role", ROLES)
def test_role_does_what_it_may_and_no_more(clients: dict[str | None, Client], role: str) -> None:
    for (method, path), (body, lowest) in ACTIONS.items():
        status = clients[role].send(method, path, body).status_code
        is_allowed = ROLES.index(role) >= ROLES.index(lowest)
        assert (status != 403) is is_allowed, (method, path, status)
        assert status < 500, (method, path, status)


def test_websocket_is_closed_without_a_trace(attacked: RunningStack) -> None:
    for path in ("/comets/", "/comets/latest", "/comets/nothing"):
        assert upgrade(attacked.api.url, path).startswith("HTTP/1.1 403")
    output = "".join(attacked.written()["output of processes"])
    assert "Traceback" not in output


def test_connection_test_is_disabled(clients: dict[str | None, Client]) -> None:
    assert clients["admin"].send("POST", "/api/v2/connections/test", CONNECTION).status_code == 403


def test_params_of_a_run_are_data(attacked: RunningStack, clients: dict[str | None, Client]) -> None:
    for name in ("hashtags", "region", "min_followers", "unknown"):
        for text in TEXTS:
            conf = {name: [text] if name == "hashtags" else text}
            answer = clients["user"].send("POST", RUNS, {"logical_date": None, "conf": conf})
            assert answer.status_code < 500, (name, text)
            if answer.ok:
                attacked.end_of(answer.json()["dag_run_id"])
    assert attacked.rows("select count(*) as creator_count from creators")[0]["creator_count"]
    for path in PAGES:
        answer = clients["viewer"].send("GET", f"/comets/{path}")
        assert "onerror=" not in answer.text.replace("&lt;img src=x onerror=", "")
        assert "Set-Cookie" not in answer.headers


def test_no_place_holds_a_secret(attacked: RunningStack) -> None:
    keys = load_keys(attacked.environment.state.keys)
    secrets = {
        "TikHub key": SANDBOX_KEY,
        "cache link": CACHE_LINK,
        "database password": DATABASE_PASSWORD,
        "fernet key": keys.fernet_key,
        "JWT secret": keys.jwt_secret,
        "API secret key": keys.api_secret_key,
        **{f"password of {role}": attacked.password(role) for role in ROLES},
    }
    assert findings(attacked.written(), secrets) == []
