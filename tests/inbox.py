"""A local notification service that receives Apprise's JSON posts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSWORD = "password-of-the-inbox"
TOKEN = "TOKEN-OF-THE-INBOX-0123456789"


@dataclass
class Inbox:
    """Received messages, and the response to the next ones."""

    port: int = 0
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The service's Apprise URL, with secrets in it."""
        return f"json://scout:{PASSWORD}@127.0.0.1:{self.port}/{TOKEN}"

    @property
    def connection(self) -> str:
        """The Airflow connection in JSON form."""
        return json.dumps({"conn_type": "apprise", "extra": {"config": [{"path": self.url}]}})

    def take(self) -> list[dict[str, Any]]:
        """Return and clear the received messages."""
        taken, self.messages = self.messages, []
        return taken


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        inbox = self.server.inbox
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        inbox.arrived.set()
        inbox.may_answer.wait()
        if inbox.status < 300:
            inbox.messages.append(body)
        self.send_response(inbox.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def __init__(self, inbox: Inbox) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.inbox = inbox
        inbox.port = self.server_address[1]


@contextmanager
def running_inbox() -> Iterator[Inbox]:
    """Run the service in a thread; yield its inbox."""
    inbox = Inbox()
    inbox.may_answer.set()
    with _Server(inbox) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        yield inbox
        inbox.may_answer.set()
        server.shutdown()
