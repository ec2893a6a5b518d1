"""Fixtures of the stack's tests: a PostgreSQL with passwords, and a running stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import TEST_FOLDER
from tests.stack.running_stack import RunningStack, running_stack

PASSWORDS = {
    "plain": "secret",
    "everything": "p@ss:w/rd%#1 x",
    "looks-like-a-url": "a@b:5432/db?sslmode=require",
    "looks-encoded-but-is-not": "100%zz% %",
    "brackets-and-quotes": "[x]{\"'$HOME`\\`",
    "other-scripts": "пароль-密码-🔑",
}


@pytest.fixture(scope="session")
def password_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server on TCP with a user for each of PASSWORDS."""
    folder = tmp_path_factory.mktemp("password server")
    with EmbeddedPostgres(folder, durable=False, listen_port=free_port()) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for user, password in PASSWORDS.items():
                statement = "create role {} login password {}"
                connection.execute(sql.SQL(statement).format(sql.Identifier(user), sql.Literal(password)))
        yield server


@pytest.fixture(scope="package")
def stack() -> Iterator[RunningStack]:
    """A running stack; tests reset it first."""
    # Not in pytest's folder: another pytest that starts would lock the server's user out of it.
    number = len(list(TEST_FOLDER.glob("a stack *")))
    with running_stack(TEST_FOLDER / f"a stack {number}") as stack:
        yield stack


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The caller's variables: only the state folder."""
    return {"COMETS_STATE_DIR": str(tmp_path / "state")}
