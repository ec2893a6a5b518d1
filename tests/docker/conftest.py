"""A set of secrets in which every sign that breaks URLs, shells or configuration files occurs."""

import pytest

from tests.docker.compose import required

NASTY = "p@ss:w/rd%41#? &=+{}$HOME ~'q\"\\é"


@pytest.fixture
def secrets() -> dict[str, str]:
    """A value for every variable that Compose requires."""
    return {name: f"{NASTY}{name}" for name in required()}
