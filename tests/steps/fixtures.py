"""A creators' database that every test finds empty, and a hand to put facts into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.conftest import SCHEMA_FILE
from tests.steps.builders import Facts, Row, forget_everything


@pytest.fixture(scope="session")
def creators_url(new_database: Callable[[], str]) -> str:
    """URL of a database in which the schema file was run; shared by the tests of this folder."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA_FILE.read_bytes())
    return url


@pytest.fixture
def connection(creators_url: str) -> Iterator[psycopg.Connection[Row]]:
    """A connection in autocommit mode to the database, which is empty."""
    with psycopg.connect(creators_url, autocommit=True) as connection:
        forget_everything(connection)
        yield connection


@pytest.fixture
def facts(connection: psycopg.Connection[Row]) -> Facts:
    """Lands facts and runs steps in that database."""
    return Facts(connection)
