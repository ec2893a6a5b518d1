"""A server that answers over a real socket with exactly the bytes that a test wants."""

from __future__ import annotations

import json
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import Parser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Send = Callable[[bytes], None]


@dataclass(frozen=True)
class Received:
    """One request, as it came over the wire."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """Bytes to send; then the connection stays open, is closed, is left hanging, or drips until the client leaves."""

    data: bytes
    then: str = "stay"


@dataclass
class OddServer:
    """Sends the planned answers in their order, the last one for ever, and remembers what it was asked."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    connection_count: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    _answers: deque[Answer] = field(default_factory=deque)

    def plan(self, *answers: Answer) -> None:
        """Replace the planned answers."""
        self._answers = deque(answers)

    def next_answer(self) -> Answer:
        """Take an answer; the last one stays."""
        return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]


def http(
    status: int = 200,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    then: str = "stay",
    length: int = -1,
) -> Answer:
    """A reply of HTTP; `length` is the Content-Length promised, by default the true one."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body) if length < 0 else length}"]
    return Answer("\r\n".join([*lines, "", ""]).encode("latin-1") + body, then)


def json_reply(value: Any, status: int = 200, **options: Any) -> Answer:
    """A reply with a JSON body."""
    return http(status, json.dumps(value).encode(), **options)


def envelope(data: Any, **fields: Any) -> dict[str, Any]:
    """TikHub's envelope of a success."""
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
        # Tests of time limits leave in the middle.
        with suppress(OSError):
            self._converse()

    def _converse(self) -> None:
        while request := self._read_request():
            self.server.odd.requests.append(request)
            answer = self.server.odd.next_answer()
            self.wfile.write(answer.data)
            if answer.then != "stay":
                self._end(answer.then)
                return

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.server.odd.closed.set()

    def _read_request(self) -> Received | None:
        start = self.rfile.readline().decode("latin-1")
        if not start:
            return None
        lines = iter(lambda: self.rfile.readline().decode("latin-1"), "\r\n")
        method, target, _ = start.split()
        parts = urlsplit(target)
        headers = dict(Parser().parsestr("".join(lines)).items())
        return Received(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers)

    def _end(self, how: str) -> None:
        if how == "hang":
            # Nothing comes any more; reading ends when the client gives up.
            self.rfile.read(1)
        while how == "drip" and not self.server.stopping.wait(0.005):
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
