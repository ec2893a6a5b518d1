"""A sandbox that stands still at one date, and the official SDK as an independent client of it."""

from collections.abc import Iterator

import httpx
import pytest
from tikhub import TikHub

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox

DATE = "2026-03-01T02:00:00Z"
KEY = "key-of-the-sdk-0123456789"
REFUSED_KEY = "refused-key"


@pytest.fixture(scope="session")
def frozen_server() -> Iterator[SandboxClient]:
    """The sandbox of these tests."""
    with running_sandbox(now=DATE, refused_keys=(REFUSED_KEY,)) as client:
        yield client


@pytest.fixture
def sandbox(frozen_server: SandboxClient) -> SandboxClient:
    """The sandbox as it was at its start."""
    frozen_server.clear()
    return frozen_server


@pytest.fixture(scope="session")
def sdk_client(frozen_server: SandboxClient) -> Iterator[TikHub]:
    """The official client, trying each call once."""
    with TikHub(api_key=KEY, base_url=frozen_server.url, max_retries=1, timeout=10) as client:
        yield client


@pytest.fixture
def sdk(sandbox: SandboxClient, sdk_client: TikHub) -> TikHub:
    """The official client of a sandbox as it was at its start."""
    return sdk_client


@pytest.fixture(scope="session")
def plain_client(frozen_server: SandboxClient) -> Iterator[httpx.Client]:
    """A client that sends no key by itself."""
    with httpx.Client(base_url=frozen_server.url) as client:
        yield client


@pytest.fixture
def web(sandbox: SandboxClient, plain_client: httpx.Client) -> httpx.Client:
    """A client without a key of a sandbox as it was at its start."""
    return plain_client
