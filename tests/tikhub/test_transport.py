"""Bodies that do not arrive, servers that do not answer, and the one connection that is kept."""

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
from tests.tikhub.odd_server import Answer, OddServer, envelope, http, json_reply

PAGE = json.dumps(envelope({"search_item_list": [], "cursor": 20, "has_more": 1})).encode()
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def failure_of(hook: TikHubHook) -> errors.TikHubError:
    with pytest.raises(errors.TikHubError) as caught:
        search(hook)
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        http(200, PAGE[:50], length=len(PAGE), then="close"),
        Answer(CHUNKED + b"%x\r\n" % len(PAGE) + PAGE[:50], "close"),
        Answer(CHUNKED + b"32\r\n" + PAGE[:50] + b"\r\n", "close"),
        Answer(UNTIL_CLOSED + PAGE[:-1], "close"),
        http(200, PAGE[:50]),
        http(200, gzip.compress(PAGE)[:60], headers={"Content-Encoding": "gzip"}, length=999, then="close"),
        http(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=[
        "shorter than promised",
        "inside a chunk",
        "between chunks",
        "closed before the last byte",
        "half a JSON text, as promised",
        "gzip cut",
        "broken gzip",
    ],
)
def test_a_body_that_is_cut_asks_for_a_smaller_page(hook: TikHubHook, odd_server: OddServer, answer: Answer) -> None:
    odd_server.plan(answer)
    error = failure_of(hook)
    assert type(error) is errors.TikHubCutBodyError
    assert (error.status, error.is_billed) == (200, None)
    assert len(odd_server.requests) == 1


@pytest.mark.parametrize("is_ascii", [True, False])
def test_every_beginning_of_an_answer_is_known_for_cut(is_ascii: bool) -> None:
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
    "answer",
    [
        Answer(UNTIL_CLOSED + PAGE, "close"),
        http(200, PAGE, headers={"Content-Type": "text/html; charset=latin-1"}),
        http(200, b"\xef\xbb\xbf\r\n " + PAGE + b"\n"),
    ],
    ids=["until closed", "wrong content type", "BOM and spaces"],
)
def test_a_whole_body_is_read_however_it_is_sent(hook: TikHubHook, odd_server: OddServer, answer: Answer) -> None:
    odd_server.plan(answer)
    assert search(hook).next_offset == 20


def test_bytes_that_are_no_utf_8_spoil_only_their_text(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(http(200, PAGE.replace(b"Request successful.", b"\xff\xfe \xed\xa0\x80")))
    assert search(hook).next_offset == 20


def test_a_server_that_says_nothing_times_out(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TikHubHook, "timeout_seconds", 0.2)
    odd_server.plan(Answer(b"", "hang"))
    error = failure_of(hook)
    assert type(error) is errors.TikHubTransientError
    assert (error.status, error.is_billed) == (None, None)
    assert "no answer within 0.2 s" in str(error)
    assert len(odd_server.requests) == 1


def test_a_server_that_stops_in_the_middle_of_a_body_times_out(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TikHubHook, "timeout_seconds", 0.2)
    odd_server.plan(http(200, PAGE[:50], length=len(PAGE), then="hang"))
    assert type(failure_of(hook)) is errors.TikHubCutBodyError


@pytest.mark.parametrize(
    "start",
    [http(200, b"{", length=10**9, then="drip"), Answer(UNTIL_CLOSED + b"{", "drip")],
    ids=["length", "open end"],
)
def test_a_body_that_drips_is_given_up(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch, start: Answer
) -> None:
    monkeypatch.setattr(TikHubHook, "body_deadline_seconds", 0.2)
    odd_server.plan(start)
    error = failure_of(hook)
    assert type(error) is errors.TikHubCutBodyError
    assert "longer than 0.2 s" in str(error)
    assert odd_server.closed.wait(5), "the connection is left open"


def test_a_body_that_is_too_large_is_given_up(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TikHubHook, "max_body_bytes", 100_000)
    odd_server.plan(http(200, gzip.compress(b'{"a": "' + b"x" * 10**7), headers={"Content-Encoding": "gzip"}))
    error = failure_of(hook)
    assert type(error) is errors.TikHubCutBodyError
    assert "larger than 100,000 bytes" in str(error)


def test_a_connection_that_breaks_before_any_answer_is_transient_and_not_repeated(
    hook: TikHubHook, odd_server: OddServer
) -> None:
    odd_server.plan(Answer(b"", "close"))
    error = failure_of(hook)
    assert type(error) is errors.TikHubTransientError
    assert (error.status, error.is_billed) == (None, None)
    assert len(odd_server.requests) == 1


def test_an_answer_that_is_not_http_is_transient(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(Answer(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "close"))
    assert type(failure_of(hook)) is errors.TikHubTransientError


def test_a_server_that_cannot_be_reached_is_transient_and_costs_nothing(connect: Callable[..., TikHubHook]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure_of(connect(host=f"http://127.0.0.1:{port}"))
    assert type(error) is errors.TikHubTransientError
    assert error.is_billed is False
    assert "base URL" in str(error)


def test_calls_share_one_connection(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(
        http(200, PAGE),
        json_reply({"detail": {"message": "wait"}}, 429),
        http(502, b"<html></html>"),
        Answer(CHUNKED + b"%x\r\n" % len(PAGE) + PAGE + b"\r\n0\r\n\r\n"),
        http(200, gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}),
        http(200, PAGE),
    )
    search(hook)
    for _ in range(2):
        failure_of(hook)
    for _ in range(3):
        search(hook)
    assert len(odd_server.requests) == 6
    assert odd_server.connection_count == 1
    assert hook.get_conn() is hook.get_conn()


def test_a_kept_connection_that_the_server_has_closed_is_opened_anew(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(http(200, PAGE, then="close"))
    search(hook)
    assert odd_server.closed.wait(5)
    search(hook)
    assert odd_server.connection_count == len(odd_server.requests) == 2


def test_a_body_given_up_does_not_spoil_the_next_call(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TikHubHook, "body_deadline_seconds", 0.1)
    odd_server.plan(http(200, b"{", length=10**9, then="drip"), http(200, PAGE))
    failure_of(hook)
    assert search(hook).next_offset == 20
