"""Secrets with characters that break URLs, shells or configuration files."""

import pytest

from tests.docker.compose import required

NASTY = "p@ss:w/rd%41#? &=+{}$HOME ~'q\"\\é"


@pytest.fixture
def secrets() -> dict[str, str]:
    """Values of all secrets that secrets.sh generates."""
    return {name: f"{NASTY}{name}" for name in required()}
