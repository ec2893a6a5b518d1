"""Secrets with characters that break URLs, shells or configuration files, where allowed."""

import pytest

from tests.docker.compose import required

NASTY = "p@ss:w/rd%41#? &=+{}$HOME ~'q\"\\é"


@pytest.fixture
def secrets() -> dict[str, str]:
    """Values of all variables that Compose requires."""
    plain = {"POSTGRES_PASSWORD": "PostgresPassword0123456789", "REDIS_PASSWORD": "RedisPassword0123456789"}
    return {name: f"{NASTY}{name}" for name in required()} | plain
