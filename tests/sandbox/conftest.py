"""A sandbox at a fixed date, and the official SDK as its independent client."""

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
    """The reset sandbox at the fixed date."""
    server.clear()
    server.set_clock(DATE)
    return server


@pytest.fixture(scope="session")
def sdk_client(server: SandboxClient) -> Iterator[TikHub]:
    """The official SDK, without retries."""
    with TikHub(api_key=KEY, base_url=server.url, max_retries=1, timeout=10) as client:
        yield client


@pytest.fixture
def sdk(sandbox: SandboxClient, sdk_client: TikHub) -> TikHub:
    """The official SDK on the reset sandbox."""
    return sdk_client
