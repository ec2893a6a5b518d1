"""The TikHub sandbox as a process of the stack."""

import sys

import requests

from include.stack.processes import Part

HOST = "127.0.0.1"
START_SECONDS = 60
ASK_SECONDS = 5


def sandbox_part(port: int) -> Part:
    """Return the sandbox at a port of this machine."""
    return Part("sandbox", (sys.executable, "-m", "include.sandbox", "--host", HOST, "--port", str(port)))


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
