"""The TikHub sandbox as a process of the stack."""

import sys

import requests

from include.stack.processes import Part

HOST = "127.0.0.1"
START_SECONDS = 60
TIMEOUT_SECONDS = 5


def sandbox_part(port: int) -> Part:
    """Return the sandbox's process for a port."""
    return Part("sandbox", (sys.executable, "-m", "include.sandbox", "--host", HOST, "--port", str(port)))


def sandbox_url(port: int) -> str:
    """Return the base URL of the sandbox at a port."""
    return f"http://{HOST}:{port}"


def is_sandbox_running(port: int) -> bool:
    """Return whether a sandbox responds at a port."""
    session = requests.Session()
    session.trust_env = False
    try:
        reply = session.get(f"{sandbox_url(port)}/sandbox/clock", timeout=TIMEOUT_SECONDS)
        return reply.ok and "is_virtual" in reply.json()
    except (requests.RequestException, ValueError):
        return False
