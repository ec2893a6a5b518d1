"""Users, roles and logins of a running stack, behind a proxy with TLS and below a path."""

from __future__ import annotations

import base64
import json
import signal
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from airflow_client.client.exceptions import ApiException
from playwright.sync_api import expect

from comets.settings import DAG_ID
from include.stack import airflow_api
from include.stack.airflow_api import AirflowApi
from include.stack.environment import resolve
from include.stack.keys import passwords_file
from include.stack.ports import LOOPBACK, free_port
from include.stack.project import State
from tests.chromium import running_chromium
from tests.conftest import TEST_FOLDER
from tests.stack.listeners import family, listening_addresses, logs_of_a_search
from tests.stack.page.browsing import log_in
from tests.stack.test_demo import NOTHING_CONFIGURED, run_stack, starting
from tests.stack.tls_proxy import running_tls_proxy

SECONDS = 60
PREFIX = "/team/airflow"
USERS = "ada:admin,ben:viewer,cleo:user,dan:op"
LOGIN_SECONDS = 8 * 3600
DAG = f"/api/v2/dags/{DAG_ID}"
VIEW = ["ada", "ben", "cleo", "dan"]
RUN = ["ada", "cleo", "dan"]
OPERATE = ["ada", "dan"]


@dataclass(frozen=True)
class Team:
    """A stack with several users.

    :param variables: of the caller
    :param url: base URL behind the proxy
    :param certificate: the proxy's
    :param running: the running command
    :param printed: its output once Airflow was ready
    """

    variables: dict[str, str]
    url: str
    certificate: Path
    running: ExitStack
    printed: list[str] = field(default_factory=list)

    @property
    def state(self) -> State:
        """The state folder."""
        return State(Path(self.variables["COMETS_STATE_DIR"]))

    @property
    def passwords(self) -> Path:
        """The passwords file."""
        return passwords_file(self.state.keys)

    def password(self, user: str) -> str:
        """Return a user's password."""
        return str(json.loads(self.passwords.read_text(encoding="utf-8"))[user])

    def log_in(self, user: str, password: str | None = None, route: str = "token") -> requests.Response:
        """Request a token."""
        login = {"username": user, "password": password or self.password(user)}
        return self.send("POST", f"/auth/{route}", json=login)

    def token(self, user: str, route: str = "token") -> str:
        """Return a user's token."""
        return str(self.log_in(user, route=route).json()["access_token"])

    def send(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Send a request through the proxy, without following redirects."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.url + path,
                headers=headers | options.pop("headers", {}),
                verify=str(self.certificate),
                timeout=SECONDS,
                allow_redirects=False,
                **options,
            )

    def restart(self, users: str) -> None:
        """Run `make up` for these users, and stop the one before."""
        self.running.close()
        self.printed[:] = self.running.enter_context(make_up({**self.variables, "COMETS_UI_USERS": users}))


@contextmanager
def make_up(variables: dict[str, str]) -> Iterator[list[str]]:
    """Run `make up`; yield what it prints once Airflow is ready."""
    with starting(variables) as stack:
        assert stack.stdout
        try:
            yield [*iter(stack.stdout.readline, "Press Ctrl-C to stop.\n")]
        finally:
            stack.send_signal(signal.SIGTERM)
            stack.communicate()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The running stack."""
    port = free_port()
    with running_tls_proxy(port, tmp_path_factory.mktemp("proxy")) as (url, certificate), ExitStack() as running:
        variables = {
            # Not in pytest's folder: another pytest that starts would lock the server's user out of it.
            "COMETS_STATE_DIR": str(TEST_FOLDER / "a team"),
            "COMETS_UI_PORT": str(port),
            "COMETS_SANDBOX_PORT": str(free_port()),
            "AIRFLOW__API__BASE_URL": url + PREFIX,
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        }
        team = Team(variables, url + PREFIX, certificate, running)
        team.restart(USERS)
        yield team


CALLS: list[tuple[str, str, dict[str, Any], int, list[str]]] = [
    ("GET", "/comets/", {}, 200, VIEW),
    ("GET", f"{DAG}/dagRuns", {}, 200, VIEW),
    ("GET", "/api/v2/connections", {}, 200, OPERATE),
    ("GET", "/api/v2/variables", {}, 200, OPERATE),
    ("GET", "/api/v2/config", {}, 200, []),
    ("PATCH", DAG, {"is_paused": True}, 200, RUN),
    ("POST", f"{DAG}/dagRuns", {"logical_date": None, "conf": {"hashtags": 5}}, 400, RUN),
    ("POST", "/api/v2/connections", {"connection_id": "x y", "conn_type": "http"}, 422, OPERATE),
    ("PATCH", "/api/v2/pools/none", {"slots": 2}, 404, OPERATE),
    ("POST", "/api/v2/connections/test", {"connection_id": "x", "conn_type": "http"}, 200, []),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "allowed"), CALLS, ids=lambda value: str(value)[:40])
def test_role_decides_what_a_user_may_do(
    team: Team, method: str, path: str, body: dict[str, Any], status: int, allowed: list[str]
) -> None:
    found = {user: team.send(method, path, team.token(user), json=body or None).status_code for user in VIEW}
    assert found == {user: status if user in allowed else 403 for user in VIEW}


def test_each_user_has_a_password_in_a_private_file(team: Team) -> None:
    passwords = json.loads(team.passwords.read_text(encoding="utf-8"))
    assert list(passwords) == VIEW
    assert len(set(passwords.values())) == len(VIEW)
    assert min(map(len, passwords.values())) >= 16
    assert stat.S_IMODE(team.passwords.stat().st_mode) == 0o600
    assert stat.S_IMODE(team.passwords.parent.stat().st_mode) == 0o700
    assert team.log_in("ben", passwords["ada"]).status_code == 401
    assert team.log_in("eve", passwords["ada"]).status_code == 401


def test_logins_last_eight_hours_and_those_of_scripts_one(team: Team) -> None:
    def lifetime(token: str) -> int:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert team.password("ben") not in str(claims)
        return int(claims["exp"] - claims["iat"])

    assert lifetime(team.token("ben")) == LOGIN_SECONDS
    assert lifetime(team.token("ben", "token/cli")) == 3600


def test_logins_command_shows_passwords_and_a_reset_ends_existing_logins(team: Team) -> None:
    variables = {**team.variables, "COMETS_UI_USERS": USERS}
    before, others = team.token("cleo"), team.token("dan")
    old = team.password("cleo")
    shown = run_stack("logins", variables=variables)
    assert shown.returncode == 0, shown.stderr
    assert [line.split() for line in shown.stdout.splitlines()[1:]] == [
        [*entry.split(":"), team.password(entry.split(":")[0])] for entry in USERS.split(",")
    ]
    assert str(team.passwords) in shown.stderr

    reset = run_stack("logins", "cleo", variables=variables)
    assert reset.returncode == 0, reset.stderr
    assert team.password("cleo") != old
    assert team.password("cleo") in reset.stdout
    assert team.send("GET", f"{DAG}/dagRuns", before).status_code in {401, 403}
    assert team.log_in("cleo", old).status_code == 401
    assert team.send("GET", f"{DAG}/dagRuns", team.token("cleo")).status_code == 200
    assert team.send("GET", f"{DAG}/dagRuns", others).status_code == 200

    assert team.password("cleo") not in "".join(team.printed)

    unknown = run_stack("logins", "eve", variables=variables)
    assert unknown.returncode == 1
    assert "'eve' is not in COMETS_UI_USERS: ada, ben, cleo, dan" in unknown.stderr


def test_start_prints_the_address_and_no_password(team: Team) -> None:
    printed = "".join(team.printed)
    assert f"  UI          {team.url}  (passwords: make logins)\n" in printed
    assert [user for user in VIEW if team.password(user) in printed] == []


def test_commands_find_the_stack_below_the_path(team: Team) -> None:
    check = run_stack("doctor", variables={**team.variables, "COMETS_UI_USERS": USERS})
    port = team.variables["COMETS_UI_PORT"]
    assert f"ok      Airflow: http://127.0.0.1:{port}{PREFIX}, scheduler" in check.stdout
    # The health check of docker-compose.yaml.
    health = requests.get(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=SECONDS)
    assert health.json()["scheduler"]["status"] == "healthy"


def test_long_command_logs_in_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = resolve({**NOTHING_CONFIGURED, **team.variables, "COMETS_UI_USERS": USERS})
    monkeypatch.setattr(airflow_api, "RENEW_SECONDS", 0)
    api = AirflowApi(environment.ui_url)
    api.log_in(environment.variables)
    assert run_stack("logins", "ada", variables={**team.variables, "COMETS_UI_USERS": USERS}).returncode == 0
    assert api.dags.get_dag(DAG_ID).dag_id == DAG_ID
    monkeypatch.setattr(airflow_api, "RENEW_SECONDS", 3600)
    api.log_in(environment.variables)
    assert run_stack("logins", "ada", variables={**team.variables, "COMETS_UI_USERS": USERS}).returncode == 0
    with pytest.raises(ApiException):
        api.dags.get_dag(DAG_ID)


def test_page_without_a_login_leads_to_the_login_below_the_path(team: Team) -> None:
    path, next_path = "/comets/hashtags?days=7", None
    for _ in range(3):
        reply = team.send("GET", path, headers={"Accept": "text/html"})
        if reply.status_code != 307:
            break
        target = urlsplit(reply.headers["Location"])
        assert (target.scheme, target.netloc) in {("", ""), urlsplit(team.url)[:2]}
        assert target.path.startswith(f"{PREFIX}/"), target
        path, next_path = f"{target.path.removeprefix(PREFIX)}?{target.query}", target.query
    assert reply.status_code == 200
    assert path.startswith("/auth/login")
    assert next_path == "next=%2Fteam%2Fairflow%2Fcomets%2Fhashtags%3Fdays%3D7"


def test_api_server_trusts_the_proxy_about_https(team: Team) -> None:
    reply = team.send("GET", "/api/v2/auth/logout")
    assert reply.status_code == 307
    assert reply.headers["Location"] == f"{PREFIX}/auth/login"
    assert f"Path={PREFIX}/; SameSite=lax; Secure" in reply.headers["Set-Cookie"]


def test_browser_works_behind_tls_and_below_a_path(team: Team) -> None:
    failed: list[str] = []
    with running_chromium() as browser, browser.new_context(ignore_https_errors=True) as context:
        context.on("response", lambda reply: failed.append(reply.url) if reply.status >= 400 else None)
        context.on("request", lambda request: failed.append(request.url) if team.url not in request.url else None)
        page = context.new_page()
        page.goto(f"{team.url}/comets/runs")
        failed.clear()
        log_in(page, "ben", team.password("ben"))
        page.wait_for_url(f"{team.url}/comets/runs")
        expect(page.get_by_role("heading", level=1)).to_have_text("Runs and cost")
        [cookie] = [cookie for cookie in context.cookies() if cookie.get("name") == "_token"]
        assert cookie.get("secure") is True
        assert cookie.get("path") == f"{PREFIX}/"
        for name in ("Leaderboard", "Hashtags", "Latest run"):
            page.get_by_label("Comets").get_by_role("link", name=name).click()
            page.wait_for_url(f"{team.url}/comets/**")
        page.get_by_role("link", name="Open in Airflow").click()
        page.wait_for_url(f"{team.url}/dags/{DAG_ID}**")
        page.get_by_test_id("nav-sidebar").get_by_role("button", name="Browse").click()
        with page.expect_popup() as opened:
            page.get_by_role("menuitem", name="Comets").click()
        expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
        assert opened.value.url == f"{team.url}/comets/"
        page.goto(f"{team.url}/dags/{DAG_ID}/plugin/latest-comets")
        expect(page.frame_locator("iframe").get_by_role("heading").first).to_be_visible()
    assert [url for url in failed if not url.startswith(("data:", "blob:"))] == []


def test_log_of_a_running_and_of_an_ended_task_can_be_read(team: Team) -> None:
    running, ended = logs_of_a_search({**team.variables, "COMETS_UI_USERS": USERS})
    assert "Worker startup parse complete" in running
    assert "TikHub search for 'gymtok'" in ended
    assert "Traceback" not in (team.state.logs / "api-server.log").read_text(encoding="utf-8")


def test_no_process_listens_on_another_interface(team: Team) -> None:
    found = listening_addresses(team.state.folder)
    assert len(found) >= 2
    assert set().union(*found.values()) == {LOOPBACK}, found


def test_cleaner_of_airflows_database_runs(team: Team) -> None:
    own = family(team.state.folder)
    # Tasks' processes end meanwhile: `process_iter` gives them None.
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]) if process in own]
    assert any("include.stack.cleaner" in command for command in commands)


def test_restart_ends_logins_of_removed_users_and_changes_roles(team: Team) -> None:
    tokens = {user: team.token(user) for user in VIEW}
    passwords = {user: team.password(user) for user in VIEW}
    team.restart("ada:admin,ben:user,cleo:viewer,eve:viewer")

    assert team.send("GET", "/comets/", tokens["dan"]).status_code == 401
    assert team.send("GET", f"{DAG}/dagRuns", tokens["dan"]).status_code in {401, 403}
    assert team.log_in("dan", passwords["dan"]).status_code == 401
    kept = json.loads(team.passwords.read_text(encoding="utf-8"))
    assert kept == {**{user: passwords[user] for user in ("ada", "ben", "cleo")}, "eve": kept["eve"]}
    for user, status in (("ada", 200), ("ben", 200), ("cleo", 403)):
        assert team.send("PATCH", DAG, tokens[user], json={"is_paused": True}).status_code == status
        assert team.send("GET", "/comets/", tokens[user]).status_code == 200
