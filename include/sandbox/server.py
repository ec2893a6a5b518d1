"""The sandbox's server: in the foreground for `python -m include.sandbox`, in a thread for tests."""

import logging
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from include.sandbox import NOTICE, api, control
from include.sandbox.client import SandboxClient
from include.sandbox.creators import DEFAULT_SEED

_STOP_SECONDS = 15


def make_server(seed: int = DEFAULT_SEED, *, allowed_hosts: Collection[str] = (), **options: Any) -> uvicorn.Server:
    """Return a server with a new sandbox; `options` are those of `uvicorn.Config`.

    :param allowed_hosts: names besides those of this machine under which the control routes are served.
    """
    app = FastAPI(title="TikHub sandbox", description=NOTICE)
    app.state.sandbox = control.Sandbox(seed)
    app.state.allowed_hosts = frozenset(allowed_hosts)
    app.include_router(api.router)
    app.include_router(control.router)
    # uvicorn would log every intentionally cut body.
    logging.getLogger("uvicorn.error").addFilter(_is_unexpected)
    config = uvicorn.Config(
        app, log_level="error", access_log=False, timeout_graceful_shutdown=2, lifespan="off", **options
    )
    return uvicorn.Server(config)


def _is_unexpected(record: logging.LogRecord) -> bool:
    return "without completing response" not in record.getMessage()


@contextmanager
def running_sandbox(seed: int = DEFAULT_SEED) -> Iterator[SandboxClient]:
    """Run a new sandbox in a thread on a free port; yield its client."""
    server = make_server(seed)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            yield SandboxClient(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)
