"""Forward an address to a PostgreSQL server, with or without TLS; the embedded server has no TLS of its own."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from include.stack.ports import LOOPBACK

SSL_REQUEST_BYTES = 8
CHUNK_BYTES = 65_536
STOP_SECONDS = 15


def address_of_this_machine() -> str:
    """Return an address of this machine that is not a loopback address; skip the test without one."""
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family == socket.AF_INET and not entry.address.startswith("127."):
                return entry.address
    pytest.skip("This machine has no network address.")


@contextmanager
def forwarded(target_port: int, address: str = LOOPBACK, certificate: Path | None = None) -> Iterator[int]:
    """Forward a free port of an address to a port of this machine; yield it.

    :param certificate: of the TLS that clients must use; None: no TLS
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            with suppress(OSError), socket.create_connection((LOOPBACK, target_port)) as server:
                if certificate:
                    # Plain clients send something else, and are disconnected by the failing handshake.
                    client.recv(SSL_REQUEST_BYTES)
                    client.sendall(b"S")
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(certificate)
                    client = context.wrap_socket(client, server_side=True)
                back = threading.Thread(target=copy, args=(server, client), daemon=True)
                back.start()
                copy(client, server)
                back.join(STOP_SECONDS)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server((address, 0), Handler) as forwarder:
        thread = threading.Thread(target=forwarder.serve_forever, daemon=True)
        thread.start()
        try:
            yield forwarder.server_address[1]
        finally:
            forwarder.shutdown()
            thread.join(STOP_SECONDS)


def copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, then end the target."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
