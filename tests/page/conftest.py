"""The page inside Airflow's API server, with real logins and a PostgreSQL database of made-up creators."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import psycopg
import pytest
import requests
import uvicorn

from include.stack.postgres import EmbeddedPostgres
from tests.conftest import TEST_FOLDER, copied_database, postgres_connection
from tests.page.world import fill
from tests.steps.builders import Row

USERS = {"viewer": "viewer", "no_role": ""}
"""Airflow users and their roles; the second one has no permissions."""
JWT_SECRET = "secret-of-the-tests-" * 4


class Site:
    """HTTP client of the page.

    :param url: URL of the API server
    :param tokens: API tokens by user name
    """

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self.url = url
        self.tokens = tokens
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, user: str | None = "viewer", method: str = "GET", **headers: str) -> requests.Response:
        """Request a path of the page as a user's browser, without following redirects."""
        own_headers = {
            "Accept": "text/html,*/*;q=0.8",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        if user:
            own_headers["Cookie"] = f"_token={self.tokens[user]}"
        # Set directly: requests would resolve `..` and requote the path.
        request = requests.Request(method, self.url).prepare()
        request.url = f"{self.url}/comets/{path}"
        request.headers.update(own_headers)
        return self.session.send(request, allow_redirects=False, timeout=30)

    def text(self, path: str = "") -> str:
        """Return the text of a page that must exist."""
        answer = self.get(path)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.text


@pytest.fixture(scope="session")
def airflow_server(postgres: EmbeddedPostgres) -> Iterator[Site]:
    """Run Airflow's API server with the plugin in this process, so that it sees the tests' environment."""
    passwords = Path(TEST_FOLDER / "passwords.json")
    passwords.write_text(json.dumps(dict.fromkeys(USERS, "password-of-the-tests")), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        users = ",".join(f"{name}:{role}" for name, role in USERS.items())
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", users)
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", JWT_SECRET)
        patch.setenv("AIRFLOW__API__SECRET_KEY", "another-secret-of-the-tests")
        make_metadata(postgres)
        from airflow.api_fastapi.app import cached_app

        with serve(cached_app(apps="core")) as url:
            yield Site(url, {name: log_in(url, name) for name in USERS})


def make_metadata(postgres: EmbeddedPostgres) -> None:
    """Create and migrate Airflow's own database."""
    from airflow.utils.db import initdb

    postgres.create_database("airflow")
    initdb()


@contextmanager
def serve(app: object) -> Iterator[str]:
    """Serve an ASGI application on a free local port and yield its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))  # type: ignore[arg-type]
    socket = server.config.bind_socket()
    socket.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    host, port = socket.getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


def log_in(url: str, user: str) -> str:
    """Return an Airflow API token of a user."""
    body = {"username": user, "password": "password-of-the-tests"}
    answer = requests.post(urljoin(url, "/auth/token"), json=body, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


@pytest.fixture(scope="session")
def filled_template(postgres: EmbeddedPostgres, schema_template: str) -> Iterator[str]:
    """Yield the name of a database filled with made-up creators."""
    with copied_database(postgres, schema_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection)
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture(scope="module")
def site(airflow_server: Site, filled_template: str, postgres: EmbeddedPostgres) -> Iterator[Site]:
    """Yield the page on the shared filled database, which tests must not change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_COMETS_DB", postgres_connection(postgres.url(filled_template)))
        yield airflow_server


@pytest.fixture
def connect_to(airflow_server: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Site]:
    """Return a function that points the page to another database."""

    def connect(connection: str) -> Site:
        monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", connection)
        return airflow_server

    return connect


@pytest.fixture
def database(postgres: EmbeddedPostgres, filled_template: str) -> Iterator[psycopg.Connection[Row]]:
    """Yield a connection to a copy of the filled database."""
    with copied_database(postgres, filled_template) as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


def url_of(connection: psycopg.Connection[Row], **changes: str) -> str:
    """Return an Airflow connection to the same database."""
    info = connection.info
    url = psycopg.conninfo.make_conninfo("", host=info.host, port=info.port, user=info.user, dbname=info.dbname)
    return postgres_connection(psycopg.conninfo.make_conninfo(url, **changes))
