"""An empty creators' database for every test, and a builder of facts in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.conftest import SCHEMA_FILE
from tests.steps.builders import Facts, Row, clear_tables


@pytest.fixture(scope="session")
def creators_url(new_database: Callable[[], str]) -> str:
    """URL of a database set up by the schema file, shared by all tests."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA_FILE.read_bytes())
    return url


@pytest.fixture
def connection(creators_url: str) -> Iterator[psycopg.Connection[Row]]:
    """Connect to the emptied database in autocommit mode."""
    with psycopg.connect(creators_url, autocommit=True) as connection:
        clear_tables(connection)
        yield connection


@pytest.fixture
def facts(connection: psycopg.Connection[Row]) -> Facts:
    """Return a builder of facts in that database."""
    return Facts(connection)
