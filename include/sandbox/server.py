"""Serves the sandbox: in a thread for tests, in the foreground for `python -m include.sandbox`."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import uvicorn

from include.sandbox.app import create_app
from include.sandbox.client import SandboxClient
from include.sandbox.settings import SandboxSettings

_STOP_SECONDS = 15


class SandboxServer(uvicorn.Server):
    """A uvicorn server that lets delayed answers go when it stops."""

    def __init__(self, settings: SandboxSettings, log_level: int = logging.WARNING) -> None:
        self._app = create_app(settings)
        # Spoilt answers are meant: uvicorn's complaints about them would fill the log.
        logging.getLogger("uvicorn.error").addFilter(_is_no_planned_fault)
        super().__init__(
            uvicorn.Config(
                self._app, log_level=log_level, access_log=False, timeout_graceful_shutdown=2, lifespan="off"
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; calls that a fault holds back are answered first."""
        self._app.state.sandbox.release()
        await super().shutdown(sockets)


def _is_no_planned_fault(record: logging.LogRecord) -> bool:
    return "without completing response" not in record.getMessage()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        OSError: the port is taken or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=256)


def url_of(listener: socket.socket) -> str:
    """Return the URL under which a listening socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    is_version_6 = listener.family == socket.AF_INET6
    if ip_address(host).is_unspecified:
        host = "::1" if is_version_6 else "127.0.0.1"
    return f"http://[{host}]:{port}" if is_version_6 else f"http://{host}:{port}"


@contextmanager
def running_sandbox(port: int = 0, host: str = "127.0.0.1", **settings: Any) -> Iterator[SandboxClient]:
    """Run a sandbox of its own in a thread and yield its client (`.url`, `set_clock`, `set_faults`, `calls`, `clear`).

    Args:
        port: 0 takes a free one.
        host: address to listen on.
        settings: fields of SandboxSettings, for example `now="2026-03-01T02:00:00Z"`.
    """
    server = SandboxServer(SandboxSettings(**settings), log_level=logging.ERROR)
    # The socket listens before the thread starts, so the first request waits for the server and not the reverse.
    with listen(host, port) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            yield SandboxClient(url_of(listener))
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)
