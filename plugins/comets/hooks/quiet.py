"""Connections of the hook that do not print what passes through them.

http.client prints whole requests, key included, once somebody has set its `debuglevel`.
"""

from __future__ import annotations

import socket
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


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
