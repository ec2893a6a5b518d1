"""A sandbox that stands still at one date, and the official SDK as an independent client of it."""

from collections.abc import Iterator

import pytest
from tikhub import TikHub

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox

DATE = "2026-03-01T02:00:00+00:00"
KEY = "key-of-the-sdk-0123456789"


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxClient]:
    """The sandbox of these tests."""
    with running_sandbox() as client:
        yield client


@pytest.fixture
def sandbox(server: SandboxClient) -> SandboxClient:
    """The sandbox as at its start, at one date."""
    server.clear()
    server.set_clock(DATE)
    return server


@pytest.fixture(scope="session")
def sdk_client(server: SandboxClient) -> Iterator[TikHub]:
    """The official client, without retries."""
    with TikHub(api_key=KEY, base_url=server.url, max_retries=1, timeout=10) as client:
        yield client


@pytest.fixture
def sdk(sandbox: SandboxClient, sdk_client: TikHub) -> TikHub:
    """The official client of a sandbox as at its start."""
    return sdk_client
