"""Incomplete bodies, silent servers, and the kept-alive connection."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable

import pytest

from comets import errors
from comets.tikhub.envelope import Unreadable, decode_envelope
from comets.tikhub.hook import TikHubHook
from tests.tikhub.conftest import search
from tests.tikhub.odd_server import OddServer, PlannedResponse, envelope, http, json_response

PAGE = json.dumps(envelope({"search_item_list": [], "cursor": 20, "has_more": 1})).encode()
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def fetch_error(hook: TikHubHook) -> errors.TikHubError:
    with pytest.raises(errors.TikHubError) as caught:
        search(hook)
    return caught.value


@pytest.mark.parametrize(
    "response",
    [
        http(200, PAGE[:50], length=len(PAGE), then="close"),
        PlannedResponse(CHUNKED + b"%x\r\n" % len(PAGE) + PAGE[:50], "close"),
        PlannedResponse(CHUNKED + b"32\r\n" + PAGE[:50] + b"\r\n", "close"),
        PlannedResponse(UNTIL_CLOSED + PAGE[:-1], "close"),
        http(200, PAGE[:50]),
        http(200, gzip.compress(PAGE)[:60], headers={"Content-Encoding": "gzip"}, length=999, then="close"),
        http(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=[
        "shorter than declared",
        "inside a chunk",
        "between chunks",
        "closed before the last byte",
        "half a JSON text of the declared length",
        "gzip cut",
        "broken gzip",
    ],
)
def test_cut_body_is_recognised(hook: TikHubHook, odd_server: OddServer, response: PlannedResponse) -> None:
    odd_server.plan(response)
    error = fetch_error(hook)
    assert type(error) is errors.TikHubCutBodyError
    assert (error.status, error.is_billed) == (200, None)
    assert len(odd_server.requests) == 1


@pytest.mark.parametrize("is_ascii", [True, False])
def test_every_prefix_of_a_body_is_recognised_as_cut(is_ascii: bool) -> None:
    every_token = {
        "a": [1, -2.5e-7, 1e30, True, False, None, 'x\\"y \n \x00 é 😀 {}]'],
        "b": {"c": "", "d": []},
        "e": {},
    }
    body = json.dumps(every_token, ensure_ascii=is_ascii).encode()
    for length in range(1, len(body)):
        envelope = decode_envelope(body[:length])
        assert isinstance(envelope, Unreadable)
        assert envelope.is_cut, body[:length]


@pytest.mark.parametrize(
    "response",
    [
        PlannedResponse(UNTIL_CLOSED + PAGE, "close"),
        http(200, PAGE, headers={"Content-Type": "text/html; charset=latin-1"}),
        http(200, b"\xef\xbb\xbf\r\n " + PAGE + b"\n"),
    ],
    ids=["until closed", "wrong content type", "BOM and spaces"],
)
def test_complete_body_is_read_in_any_encoding(
    hook: TikHubHook, odd_server: OddServer, response: PlannedResponse
) -> None:
    odd_server.plan(response)
    assert search(hook).next_offset == 20


def test_invalid_utf_8_affects_only_its_text(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(http(200, PAGE.replace(b"Request successful.", b"\xff\xfe \xed\xa0\x80")))
    assert search(hook).next_offset == 20


def test_silent_server_times_out(hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TikHubHook, "timeout_seconds", 0.2)
    odd_server.plan(PlannedResponse(b"", "hang"))
    error = fetch_error(hook)
    assert type(error) is errors.TikHubTransientError
    assert (error.status, error.is_billed) == (None, None)
    assert "no response within 0.2 s" in str(error)
    assert len(odd_server.requests) == 1


def test_server_that_stops_within_a_body_times_out(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TikHubHook, "timeout_seconds", 0.2)
    odd_server.plan(http(200, PAGE[:50], length=len(PAGE), then="hang"))
    assert type(fetch_error(hook)) is errors.TikHubCutBodyError


@pytest.mark.parametrize(
    "start",
    [http(200, b"{", length=10**9, then="drip"), PlannedResponse(UNTIL_CLOSED + b"{", "drip")],
    ids=["length", "open end"],
)
def test_slow_body_is_given_up(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch, start: PlannedResponse
) -> None:
    monkeypatch.setattr(TikHubHook, "body_deadline_seconds", 0.2)
    odd_server.plan(start)
    error = fetch_error(hook)
    assert type(error) is errors.TikHubCutBodyError
    assert "longer than 0.2 s" in str(error)
    assert odd_server.closed.wait(5), "the connection is still open"


def test_too_large_body_is_given_up(hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TikHubHook, "max_body_bytes", 100_000)
    odd_server.plan(http(200, gzip.compress(b'{"a": "' + b"x" * 10**7), headers={"Content-Encoding": "gzip"}))
    error = fetch_error(hook)
    assert type(error) is errors.TikHubCutBodyError
    assert "larger than 100,000 bytes" in str(error)


def test_connection_lost_before_a_response_is_transient_and_not_retried(
    hook: TikHubHook, odd_server: OddServer
) -> None:
    odd_server.plan(PlannedResponse(b"", "close"))
    error = fetch_error(hook)
    assert type(error) is errors.TikHubTransientError
    assert (error.status, error.is_billed) == (None, None)
    assert len(odd_server.requests) == 1


def test_response_that_is_not_http_is_transient(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(PlannedResponse(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "close"))
    assert type(fetch_error(hook)) is errors.TikHubTransientError


def test_unreachable_server_is_transient_and_not_billed(connect: Callable[..., TikHubHook]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = fetch_error(connect(host=f"http://127.0.0.1:{port}"))
    assert type(error) is errors.TikHubTransientError
    assert error.is_billed is False
    assert "base URL" in str(error)


def test_calls_share_one_connection(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(
        http(200, PAGE),
        json_response({"detail": {"message": "wait"}}, 429),
        http(502, b"<html></html>"),
        PlannedResponse(CHUNKED + b"%x\r\n" % len(PAGE) + PAGE + b"\r\n0\r\n\r\n"),
        http(200, gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}),
        http(200, PAGE),
    )
    search(hook)
    for _ in range(2):
        fetch_error(hook)
    for _ in range(3):
        search(hook)
    assert len(odd_server.requests) == 6
    assert odd_server.connection_count == 1
    assert hook.get_conn() is hook.get_conn()


def test_connection_closed_by_the_server_is_reopened(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(http(200, PAGE, then="close"))
    search(hook)
    assert odd_server.closed.wait(5)
    search(hook)
    assert odd_server.connection_count == len(odd_server.requests) == 2


def test_call_after_a_given_up_body_succeeds(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TikHubHook, "body_deadline_seconds", 0.1)
    odd_server.plan(http(200, b"{", length=10**9, then="drip"), http(200, PAGE))
    fetch_error(hook)
    assert search(hook).next_offset == 20
