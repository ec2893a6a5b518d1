"""HTTP transport: the response of a request, or its connection failure, classified by type and never by content."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import requests
from requests import Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError


class _SilentConnection(HTTPConnection):
    # Overrides a debug level set on http.client's class.
    debuglevel = 0


class _SilentSecureConnection(HTTPSConnection):
    debuglevel = 0


class _SilentPool(HTTPConnectionPool):
    ConnectionCls = _SilentConnection


class _SilentSecurePool(HTTPSConnectionPool):
    ConnectionCls = _SilentSecureConnection


class SilentAdapter(HTTPAdapter):
    """An adapter for requests whose connections are kept alive and never print traffic."""

    pools: ClassVar[dict[str, Any]] = {"http": _SilentPool, "https": _SilentSecurePool}

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Create the pools for direct connections."""
        keep_alive = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        super().init_poolmanager(*arguments, socket_options=keep_alive, **options)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, proxy: Any, **options: Any) -> PoolManager:
        """Create the pools for connections through a proxy."""
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self.pools
        return manager


_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class RawResponse:
    """A response. `cut_off` says why the body is incomplete; None when it is complete."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut_off: str | None = None


@dataclass(frozen=True)
class ConnectionFailure:
    """The reason for no response. `was_sent` is False when the request certainly did not reach the server."""

    reason: str
    is_request_invalid: bool = False
    was_sent: bool = True


def read_response(response: Response, *, deadline_seconds: float, max_bytes: int) -> RawResponse:
    """Read a streamed response within a deadline for the whole body and a maximum size.

    The timeout of requests applies to each read of the socket, so a slow server would never hit it. `read1` returns
    after each read, so the wait is at most the deadline plus one timeout.
    """
    body = bytearray()
    cut_off = None
    deadline = time.monotonic() + deadline_seconds
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                cut_off = f"larger than {max_bytes:,} bytes"
                break
            if time.monotonic() > deadline:
                cut_off = f"took longer than {deadline_seconds:g} s"
                break
    except (HTTPError, OSError) as error:
        cut_off = f"connection failed after {len(body):,} bytes ({type(error).__name__})"
    finally:
        response.close()
    return RawResponse(status=response.status_code, headers=response.headers, body=bytes(body), cut_off=cut_off)


def classify_connection_error(error: Exception, *, timeout_seconds: float) -> ConnectionFailure:
    """Return why sending failed, by type alone: these exceptions' texts can contain URLs, headers and bodies."""
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    name = type(cause if isinstance(cause, Exception) else error).__name__
    was_sent = not isinstance(cause, NewConnectionError | ConnectTimeoutError)
    if isinstance(error, requests.Timeout):
        return ConnectionFailure(f"sent no response within {timeout_seconds:g} s", was_sent=was_sent)
    if isinstance(error, requests.ConnectionError):
        return ConnectionFailure(f"could not be reached ({name})", was_sent=was_sent)
    # All other errors concern the URL, a header or a certificate file.
    return ConnectionFailure(f"could not be called ({type(error).__name__})", is_request_invalid=True, was_sent=False)
