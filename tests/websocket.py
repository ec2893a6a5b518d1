"""A websocket handshake by hand, which shows the server's response as it is."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def upgrade(url: str, path: str, **headers: str) -> str:
    """Ask a server for a websocket; return the status line of its response."""
    host = urlsplit(url)
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    with socket.create_connection((host.hostname or "", host.port or 80), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096).decode().splitlines()[0]
