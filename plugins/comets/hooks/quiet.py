"""The libraries under the hook, kept from writing down what they send and receive.

urllib3 warns about response headers that it cannot parse and quotes them, and a server can echo the API key there. Its
DEBUG lines hold URLs and places of redirects. http.client prints whole requests, key included, once somebody has set
its `debuglevel`. All of it is closed here, as Airflow's logging configuration is not this package's.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_TALKATIVE = frozenset({"apprise", "charset_normalizer", "http", "requests", "requests_toolbelt", "urllib3"})

_is_exchanging: ContextVar[bool] = ContextVar("is_exchanging", default=False)


class _Silence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_exchanging.get()


_SILENCE = _Silence()


@contextmanager
def silenced_libraries() -> Iterator[None]:
    """Drop what HTTP libraries log in this thread meanwhile, at every level; other threads go on logging."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _TALKATIVE:
            # A logger's filter sees what is logged to it, not what its children log; adding one twice does nothing.
            logging.getLogger(name).addFilter(_SILENCE)
    token = _is_exchanging.set(True)
    try:
        yield
    finally:
        _is_exchanging.reset(token)


class _QuietConnection(HTTPConnection):
    # Set for this class, so that a value set for http.client's own does not count.
    debuglevel = 0


class _QuietSecureConnection(HTTPSConnection):
    debuglevel = 0


class _QuietPool(HTTPConnectionPool):
    ConnectionCls = _QuietConnection


class _QuietSecurePool(HTTPSConnectionPool):
    ConnectionCls = _QuietSecureConnection


class QuietAdapter(HTTPAdapter):
    """An adapter of requests whose connections are kept alive and never print what passes through them."""

    pools: ClassVar[dict[str, Any]] = {"http": _QuietPool, "https": _QuietSecurePool}

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools for direct connections."""
        keep_alive = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        super().init_poolmanager(*arguments, socket_options=keep_alive, **options)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, proxy: Any, **options: Any) -> PoolManager:
        """Make the pools for connections through a proxy."""
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self.pools
        return manager
