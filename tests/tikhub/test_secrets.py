"""Secrecy: neither the key nor echoed input reaches an error, a pickle or a log, at any level."""

from __future__ import annotations

import json
import logging
import pickle
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from comets import errors
from comets.tikhub.hook import TikHubHook
from tests.secret_scan import exception_texts
from tests.tikhub.conftest import KEY, search
from tests.tikhub.odd_server import OddServer, PlannedResponse, envelope, http, json_response

SECRETS = [KEY, quote(KEY), quote(KEY, safe=""), "CACHE-URL-SECRET", "OTHER-TOKEN", "BODY-SECRET", "HEADER-SECRET"]
HEADERS = {"X-Echo": "HEADER-SECRET", "Set-Cookie": "session=HEADER-SECRET", "WWW-Authenticate": f"Bearer {KEY}"}
ECHO = {
    "code": 400,
    "message": f"key {KEY}, {quote(KEY)} or {KEY.upper()}; Authorization: Bearer OTHER-TOKEN; "
    "https://cache.example/?t=CACHE-URL-SECRET ftp://x/BODY-SECRET www.example/BODY-SECRET a.OTHER-TOKEN.0123456789xyz",
    "headers": {"authorization": f"Bearer {KEY}"},
    "params": {"key": KEY},
    "support": "BODY-SECRET",
    "request_id": KEY,
    "cache_url": "https://cache.example/?t=CACHE-URL-SECRET",
}
BODY = json.dumps({"detail": ECHO} | ECHO).encode()

RESPONSES: dict[str, PlannedResponse] = {
    f"HTTP {status}": http(status, BODY, headers=HEADERS) for status in (302, 401, 422, 500)
} | {
    "validation error": json_response(
        {"detail": [{"loc": ["query", KEY, "count"], "msg": KEY, "input": "BODY-SECRET"}]}, 422
    ),
    "text detail": json_response({"detail": f"BODY-SECRET {KEY}"}, 400),
    "web page": http(200, f"<pre>Authorization: Bearer {KEY}</pre> BODY-SECRET".encode(), headers=HEADERS),
    "broken JSON": http(200, BODY + b"}"),
    "cut body": http(200, BODY, length=10**6, then="close"),
    "broken chunk": PlannedResponse(
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode(), "close"
    ),
    "not HTTP": PlannedResponse(f"{KEY} BODY-SECRET\r\n\r\n".encode(), "close"),
    "inner status": json_response(envelope({"status_code": 5, "status_msg": f"BODY-SECRET {KEY}"}) | {"detail": ECHO}),
    "no data": json_response(envelope(None, detail=ECHO | {"code": 200})),
    "unreadable": json_response(envelope({"search_item_list": {KEY: "BODY-SECRET"}})),
    "nothing": PlannedResponse(b"", "close"),
    "headers that cannot be parsed": PlannedResponse(
        f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAuthorization Bearer {KEY}\r\nX: HEADER-SECRET\r\n\r\n{{}}".encode(),
        "close",
    ),
    "two lengths": http(
        200, b"{}", headers={"Transfer-Encoding": f"chunked {KEY}", "Content-Length": KEY}, then="close"
    ),
    "success": json_response(envelope({"search_item_list": [], "note": f"BODY-SECRET {KEY}"}), headers=HEADERS),
}


@pytest.fixture
def all_output(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Return all logs and prints of all libraries, at DEBUG."""
    for name in ("", "comets", "airflow", "airflow.task", "airflow.task.hooks", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    with structlog.testing.capture_logs() as events:
        yield lambda: "\n".join(
            [caplog.text, *capfd.readouterr(), repr(events), *(repr(record.__dict__) for record in caplog.records)]
        )


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES.keys())
def test_no_secret_is_exposed(
    hook: TikHubHook, odd_server: OddServer, all_output: Callable[[], str], response: PlannedResponse
) -> None:
    odd_server.plan(response)
    messages: list[str] = []
    for request in (lambda: search(hook), lambda: hook.fetch_profile(handle="clay.sample"), hook.fetch_balance):
        try:
            request()
        except errors.TikHubError as error:
            messages += exception_texts(error)
    messages.append(repr(hook.test_connection()))
    logged = all_output()
    assert f"Bearer {KEY}" in odd_server.requests[0].headers["Authorization"]
    assert "search for 'pottery' at offset 0" in logged
    for secret in SECRETS:
        assert secret.lower() not in "\n".join([*messages, logged]).lower()


def test_libraries_do_not_print_requests(
    hook: TikHubHook,
    odd_server: OddServer,
    all_output: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(HTTPConnection, "debuglevel", 1)
    odd_server.plan(json_response(envelope({}), headers=HEADERS))
    search(hook)
    logged = all_output()
    for secret in SECRETS:
        assert secret not in logged
    assert "GET " not in logged


def test_libraries_continue_to_log_after_a_call(
    hook: TikHubHook, odd_server: OddServer, caplog: pytest.LogCaptureFixture
) -> None:
    odd_server.plan(json_response(envelope({})))
    search(hook)
    with caplog.at_level(logging.DEBUG, logger="urllib3.connection"):
        logging.getLogger("urllib3.connection").warning("of another thread")
    assert "of another thread" in caplog.text


ECHOED = f"Authorization: Bearer {KEY} {KEY.upper()} {quote(KEY)} {quote(KEY, safe='')} " + " ".join(
    b64encode(f"{start}{KEY}:end".encode()).decode() for start in ("", "x", "xy")
)
LINK = str(envelope(None)["cache_url"])


def fully_escaped(value: Any) -> str:
    """Return JSON with every character of every text escaped."""
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(character):04x}" for character in value) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{fully_escaped(name)}:{fully_escaped(part)}" for name, part in value.items()) + "}"
    return f"[{','.join(map(fully_escaped, value))}]" if isinstance(value, list) else json.dumps(value)


@pytest.mark.parametrize("write", [json.dumps, fully_escaped])
def test_key_and_link_in_a_successful_response_are_hidden(
    hook: TikHubHook, odd_server: OddServer, write: Callable[[Any], str]
) -> None:
    author = {"uid": "7", "nickname": f"I am {ECHOED}", "avatar_thumb": {"url_list": [LINK]}, "signature": KEY}
    cards = [
        {"aweme_info": {"aweme_id": "1", "desc": f"{ECHOED} {LINK}", "author": author}},
        {"aweme_info": {"desc": ECHOED, KEY: [[{KEY: LINK, "cache_url": "https://other.example/CACHE-URL-SECRET"}]]}},
    ]
    odd_server.plan(http(200, write(envelope({"search_item_list": cards, "user": author})).encode()))
    page = search(hook)
    assert (len(page.videos), len(page.rejected)) == (1, 1)
    values = f"{page!r} {hook.fetch_profile(user_id='7')!r}"
    assert "I am" in values
    for secret in (*SECRETS, "Bearer", b64encode(KEY.encode()).decode().rstrip("=")):
        assert secret.lower() not in values.lower()


def test_each_call_logs_one_line(hook: TikHubHook, odd_server: OddServer, all_output: Callable[[], str]) -> None:
    odd_server.plan(json_response(envelope({})), json_response({}, 503))
    search(hook, offset=20)
    with pytest.raises(errors.TikHubTransientError):
        hook.fetch_profile(handle="clay.sample")
    logged = all_output()
    assert logged.count("search for 'pottery' at offset 20") == 1
    assert logged.count("profile of a handle: TikHubTransientError (HTTP 503)") == 1


def test_hook_and_session_do_not_show_the_key(hook: TikHubHook) -> None:
    session = hook.get_conn()
    assert KEY not in f"{hook!r} {hook.__dict__!r} {session!r} {session.__dict__!r}"


def test_long_message_is_quoted_in_one_short_line(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(
        json_response({"detail": {"message": "one\r\n\x1b[31mtwo\u2028three\x00 " + "long words " * 99}}, 400)
    )
    with pytest.raises(errors.TikHubAmbiguousError) as caught:
        search(hook)
    quoted = str(caught.value).split("TikHub's message: \"")[1].split('"')[0]
    assert quoted.startswith("one [31mtwo three long words")
    assert len(quoted) <= 200


def test_message_in_any_script_is_quoted_unchanged(hook: TikHubHook, odd_server: OddServer) -> None:
    message = "余额不足请充值后再试余额不足请充值后再试余额不足请充值后再试"
    odd_server.plan(json_response({"detail": {"message": message}}, 402))
    with pytest.raises(errors.TikHubBalanceError, match=message):
        search(hook)


@pytest.mark.parametrize(
    "error",
    [
        errors.TikHubRateLimitError("wait", route="/r", subject="s", status=429, is_billed=False, retry_after=3.5),
        errors.TikHubCutBodyError("cut", route="/r", status=200, request_id="i", inner_status=5),
    ],
)
def test_errors_survive_pickling(error: errors.TikHubError) -> None:
    error.failed_attempts = 2
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
