"""The TikHub sandbox as a server of the stack."""

import sys
from collections.abc import Mapping
from pathlib import Path

import requests

from include.stack.project import PROJECT
from include.stack.shared_server import SharedServer

HOST = "127.0.0.1"
ASK_SECONDS = 5


class SandboxServer(SharedServer):
    """The sandbox on a port of this machine, shared like the database.

    :param folder: where its log and locks live.
    :param port: where it listens.
    """

    name = "The TikHub sandbox"
    start_seconds = 60.0

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder / str(port))
        self.port = port

    @property
    def url(self) -> str:
        """Its base URL."""
        return sandbox_url(self.port)

    def _environment(self) -> Mapping[str, str]:
        return {**super()._environment(), "PYTHONPATH": str(PROJECT)}

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "include.sandbox", "--host", HOST, "--port", str(self.port)]

    def _why_not_ready(self) -> str | None:
        return None if sandbox_answers(self.port) else "no answer"


def sandbox_url(port: int) -> str:
    """Return the base URL of a sandbox on this machine."""
    return f"http://{HOST}:{port}"


def sandbox_answers(port: int) -> bool:
    """Tell whether a sandbox, and not something else, listens on a port of this machine."""
    session = requests.Session()
    session.trust_env = False
    try:
        reply = session.get(f"{sandbox_url(port)}/sandbox/clock", timeout=ASK_SECONDS)
        return reply.ok and "is_virtual" in reply.json()
    except (requests.RequestException, ValueError):
        return False
