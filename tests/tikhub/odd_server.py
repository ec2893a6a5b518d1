"""A server that sends exactly the planned bytes over a real socket."""

from __future__ import annotations

import json
import socketserver
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import Parser
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as received."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class PlannedResponse:
    """Bytes to send, and `then`: "stay" (open), "close", "hang" (send nothing) or "drip" (send byte by byte)."""

    data: bytes
    then: str = "stay"


@dataclass
class OddServer:
    """Sends the planned responses in order, repeats the last one, and records the requests."""

    url: str = ""
    requests: list[ReceivedRequest] = field(default_factory=list)
    connection_count: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    _responses: deque[PlannedResponse] = field(default_factory=deque)

    def plan(self, *responses: PlannedResponse) -> None:
        """Replace the planned responses."""
        self._responses = deque(responses)

    def next_response(self) -> PlannedResponse:
        """Return the next response; the last one repeats."""
        return self._responses.popleft() if len(self._responses) > 1 else self._responses[0]


def http(
    status: int = 200,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    then: str = "stay",
    length: int = -1,
) -> PlannedResponse:
    """Return an HTTP response; `length` is the Content-Length header, by default the true length."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body) if length < 0 else length}"]
    return PlannedResponse("\r\n".join([*lines, "", ""]).encode("latin-1") + body, then)


def json_response(value: Any, status: int = 200, **options: Any) -> PlannedResponse:
    """Return a response with a JSON body."""
    return http(status, json.dumps(value).encode(), **options)


def envelope(data: Any, **fields: Any) -> dict[str, Any]:
    """Return TikHub's envelope of a successful response."""
    return {
        "code": 200,
        "request_id": "0f0e0d0c-1111-2222-3333-444455556666",
        "message": "Request successful.",
        "time": "2026-01-31 17:05:09",
        "time_stamp": 1769907909,
        "cache_url": "https://cache.example/signed?token=CACHE-URL-SECRET",
        "data": data,
    } | fields


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.odd.connection_count += 1
        with suppress(OSError):
            self._serve()

    def _serve(self) -> None:
        while request := self._read_request():
            self.server.odd.requests.append(request)
            response = self.server.odd.next_response()
            self.wfile.write(response.data)
            if response.then != "stay":
                self._end(response.then)
                return

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.server.odd.closed.set()

    def _read_request(self) -> ReceivedRequest | None:
        start = self.rfile.readline().decode("latin-1")
        if not start:
            return None
        lines = iter(lambda: self.rfile.readline().decode("latin-1"), "\r\n")
        method, target, _ = start.split()
        parts = urlsplit(target)
        headers = dict(Parser().parsestr("".join(lines)).items())
        return ReceivedRequest(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers)

    def _end(self, then: str) -> None:
        if then == "hang":
            self.rfile.read(1)  # until the client disconnects
        while then == "drip" and not self.server.stopping.wait(0.005):
            self.wfile.write(b" ")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, odd: OddServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.odd = odd
        self.stopping = threading.Event()
        odd.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_odd_server() -> Iterator[OddServer]:
    """Run the server in threads."""
    odd = OddServer()
    with _Server(odd) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        yield odd
        server.stopping.set()
        server.shutdown()
        thread.join()
