"""A set of secrets; in those that may hold any sign, every one that breaks URLs, shells or configuration files."""

import pytest

from tests.docker.compose import required

NASTY = "p@ss:w/rd%41#? &=+{}$HOME ~'q\"\\é"


@pytest.fixture
def secrets() -> dict[str, str]:
    """A value for every variable that Compose requires."""
    plain = {"POSTGRES_PASSWORD": "PostgresPassword0123456789", "REDIS_PASSWORD": "RedisPassword0123456789"}
    return {name: f"{NASTY}{name}" for name in required()} | plain
