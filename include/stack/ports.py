"""Ports of this machine: is one free, which one is."""

import socket

from include.stack.errors import StackError

LOOPBACK = "127.0.0.1"


class PortTakenError(StackError):
    """A port that the stack needs is in use; the text names it, its purpose and the variable that changes it."""


def is_taken(port: int) -> bool:
    """Tell whether something listens on a port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def require_free(port: int, purpose: str, variable: str) -> None:
    """Refuse to go on when a port is in use.

    :raises PortTakenError: it is.
    """
    if is_taken(port):
        raise PortTakenError(
            f"Port {port}, wanted for {purpose}, is taken by another program. Choose another one: {variable}=<port>"
        )


def free_port() -> int:
    """Return a port that is free at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
