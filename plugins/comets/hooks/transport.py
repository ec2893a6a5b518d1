"""One HTTP exchange: what came back, or why nothing did. No failure is judged by its content here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
from requests import Response
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Reply:
    """What came back. `cut_off` says why the body did not arrive whole; None when it did."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut_off: str | None = None


@dataclass(frozen=True)
class NoReply:
    """Why nothing came back. `was_sent` is False when the request surely never reached the server."""

    reason: str
    is_request_wrong: bool = False
    was_sent: bool = True


def read_reply(response: Response, *, deadline_seconds: float, max_bytes: int) -> Reply:
    """Read a streamed response whole, within a time for the whole body and up to a size.

    The timeout of requests holds for each read of the socket, so a server that drips would never meet it. `read1`
    returns after each read, hence the wait is bounded by the deadline plus one such timeout.
    """
    body = bytearray()
    cut_off = None
    until = time.monotonic() + deadline_seconds
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                cut_off = f"it is larger than {max_bytes:,} bytes"
                break
            if time.monotonic() > until:
                cut_off = f"it took longer than {deadline_seconds:g} s"
                break
    except (HTTPError, OSError) as error:
        cut_off = f"the connection failed after {len(body):,} bytes ({type(error).__name__})"
    finally:
        response.close()
    return Reply(status=response.status_code, headers=response.headers, body=bytes(body), cut_off=cut_off)


def explain_no_reply(error: Exception, *, timeout_seconds: float) -> NoReply:
    """Say why sending failed, by types alone: the texts of these exceptions can hold URLs, headers and bodies."""
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    name = type(cause if isinstance(cause, Exception) else error).__name__
    was_sent = not isinstance(cause, NewConnectionError | ConnectTimeoutError)
    if isinstance(error, requests.Timeout):
        return NoReply(f"gave no answer within {timeout_seconds:g} s", was_sent=was_sent)
    if isinstance(error, requests.ConnectionError):
        return NoReply(f"could not be reached ({name})", was_sent=was_sent)
    # What is left of requests' own and all others are complaints about the URL, a header or a certificate file.
    return NoReply(f"could not be asked ({type(error).__name__})", is_request_wrong=True, was_sent=False)
