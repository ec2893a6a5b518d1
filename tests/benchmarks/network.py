"""A database behind a network: what goes to it and what comes from it is held back for a while."""

from __future__ import annotations

import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

BLOCK_BYTES = 1 << 16


class _Network(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, server_path: str, delay: float) -> None:
        super().__init__(path, _Connection)
        self.server_path = server_path
        self.delay = delay


class _Connection(socketserver.BaseRequestHandler):
    server: _Network

    def handle(self) -> None:
        """Carry both ways until both ends have closed."""
        client, delay = self.request, self.server.delay
        with socket.socket(socket.AF_UNIX) as database:
            database.connect(self.server.server_path)
            answers = threading.Thread(target=_carry, args=(database, client, delay), daemon=True)
            answers.start()
            _carry(client, database, delay)
            answers.join()


def _carry(source: socket.socket, target: socket.socket, delay: float) -> None:
    while block := source.recv(BLOCK_BYTES):
        time.sleep(delay)
        target.sendall(block)
    target.shutdown(socket.SHUT_WR)


@contextmanager
def behind_network(url: str, round_trip: float) -> Iterator[str]:
    """Connection string of the same database, so many seconds away.

    For one question after the other: blocks of a long answer wait for each other here, as they do on no network.

    :param url: of a server with a Unix socket
    """
    found = conninfo_to_dict(url)
    name = f".s.PGSQL.{found['port']}"
    with tempfile.TemporaryDirectory() as folder:
        path, server_path = str(Path(folder, name)), str(Path(str(found["host"]), name))
        with _Network(path, server_path, round_trip / 2) as network:
            threading.Thread(target=network.serve_forever, daemon=True).start()
            yield make_conninfo(url, host=folder)
            network.shutdown()
