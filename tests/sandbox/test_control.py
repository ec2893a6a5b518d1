"""Access to the control routes: programs of this machine, no web pages."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests

from include.sandbox.client import SandboxClient
from include.stack.ports import free_port
from tests.conftest import PROJECT_FOLDER


def send(url: str, headers: dict[str, str], method: str = "POST", path: str = "/sandbox/reset") -> int:
    """Send a request with these headers; return the status."""
    address = urlsplit(url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port or 80, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def used(sandbox: SandboxClient) -> SandboxClient:
    """A sandbox with a call, which a reset would clear."""
    reply = requests.get(f"{sandbox.url}/api/v1/tikhub/user/get_user_info", timeout=30)
    assert reply.status_code == 401
    assert len(sandbox.calls()) == 1
    return sandbox


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8099", "127.0.0.1.evil.example", "[::1", "", "sandbox"])
def test_foreign_host_is_misdirected(used: SandboxClient, host: str) -> None:
    assert send(used.url, {"Host": host}) == 421
    assert len(used.calls()) == 1


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""]
)
def test_foreign_origin_is_forbidden(used: SandboxClient, origin: str) -> None:
    assert send(used.url, {"Origin": origin}) == 403
    assert len(used.calls()) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/sandbox/calls"), ("DELETE", "/sandbox/calls")])
def test_every_control_route_checks_host_and_origin(used: SandboxClient, method: str, path: str) -> None:
    assert send(used.url, {"Host": "evil.example"}, method, path) == 421
    assert send(used.url, {"Origin": "https://evil.example"}, method, path) == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_names_of_this_machine_and_the_own_origin_are_accepted(used: SandboxClient, name: str) -> None:
    host = f"{name}:{urlsplit(used.url).port}"
    assert send(used.url, {"Host": host, "Origin": f"http://{host}"}) == 204
    assert used.calls() == []


@pytest.fixture
def named_sandbox() -> Iterator[str]:
    """The URL of a sandbox that is also served under the name `sandbox`, as in docker-compose.yaml."""
    port = free_port()
    command = [sys.executable, "-m", "include.sandbox", "--port", str(port), "--allowed-host", "sandbox"]
    with subprocess.Popen(command, cwd=PROJECT_FOLDER, stdout=subprocess.PIPE) as process:
        try:
            while process.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_allowed_host_is_accepted(named_sandbox: str) -> None:
    assert send(named_sandbox, {"Host": "sandbox:8099"}) == 204
    assert send(named_sandbox, {"Host": "sandbox.evil.example"}) == 421
