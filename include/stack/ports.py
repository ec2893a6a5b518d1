"""Free ports of this machine."""

import socket

from include.stack.errors import StackError

LOOPBACK = "127.0.0.1"


class PortTakenError(StackError):
    """A port is in use; the text names it, its purpose and the variable that changes it."""


def is_taken(port: int) -> bool:
    """Return whether a port of the loopback interface is in use."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def require_free(port: int, purpose: str, variable: str) -> None:
    """Check that a port is free.

    :raises PortTakenError: the port is in use.
    """
    if is_taken(port):
        raise PortTakenError(f"Port {port} for {purpose} is in use. Choose another with {variable}=<port>.")


def free_port() -> int:
    """Return a port that is currently free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
