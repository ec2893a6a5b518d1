"""Neither the key nor what TikHub echoes reaches an error, a pickle or a log, at any log level."""

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
from tests.tikhub.odd_server import Answer, OddServer, envelope, http, json_reply

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

ANSWERS: dict[str, Answer] = {
    f"HTTP {status}": http(status, BODY, headers=HEADERS) for status in (302, 401, 422, 500)
} | {
    "validation error": json_reply(
        {"detail": [{"loc": ["query", KEY, "count"], "msg": KEY, "input": "BODY-SECRET"}]}, 422
    ),
    "text detail": json_reply({"detail": f"BODY-SECRET {KEY}"}, 400),
    "web page": http(200, f"<pre>Authorization: Bearer {KEY}</pre> BODY-SECRET".encode(), headers=HEADERS),
    "broken JSON": http(200, BODY + b"}"),
    "cut body": http(200, BODY, length=10**6, then="close"),
    "broken chunk": Answer(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode(), "close"),
    "not HTTP": Answer(f"{KEY} BODY-SECRET\r\n\r\n".encode(), "close"),
    "inner status": json_reply(envelope({"status_code": 5, "status_msg": f"BODY-SECRET {KEY}"}) | {"detail": ECHO}),
    "no data": json_reply(envelope(None, detail=ECHO | {"code": 200})),
    "unreadable": json_reply(envelope({"search_item_list": {KEY: "BODY-SECRET"}})),
    "nothing": Answer(b"", "close"),
    "headers that cannot be parsed": Answer(
        f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAuthorization Bearer {KEY}\r\nX: HEADER-SECRET\r\n\r\n{{}}".encode(),
        "close",
    ),
    "two lengths": http(
        200, b"{}", headers={"Transfer-Encoding": f"chunked {KEY}", "Content-Length": KEY}, then="close"
    ),
    "success": json_reply(envelope({"search_item_list": [], "note": f"BODY-SECRET {KEY}"}), headers=HEADERS),
}


@pytest.fixture
def everything_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], str]]:
    """All that is logged or printed, at DEBUG, by whatever library."""
    for name in ("", "comets", "airflow", "airflow.task", "airflow.task.hooks", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    with structlog.testing.capture_logs() as events:
        yield lambda: "\n".join(
            [caplog.text, *capfd.readouterr(), repr(events), *(repr(record.__dict__) for record in caplog.records)]
        )


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_nothing_secret_gets_out(
    hook: TikHubHook, odd_server: OddServer, everything_logged: Callable[[], str], answer: Answer
) -> None:
    odd_server.plan(answer)
    said: list[str] = []
    for ask in (lambda: search(hook), lambda: hook.fetch_profile(handle="clay.sample"), hook.fetch_balance):
        try:
            ask()
        except errors.TikHubError as error:
            said += exception_texts(error)
    said.append(repr(hook.test_connection()))
    logged = everything_logged()
    assert f"Bearer {KEY}" in odd_server.requests[0].headers["Authorization"]
    assert "search for 'pottery' at offset 0" in logged
    for secret in SECRETS:
        assert secret.lower() not in "\n".join([*said, logged]).lower()


def test_what_a_library_would_print_of_a_request_is_not_printed(
    hook: TikHubHook,
    odd_server: OddServer,
    everything_logged: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(HTTPConnection, "debuglevel", 1)
    odd_server.plan(json_reply(envelope({}), headers=HEADERS))
    search(hook)
    logged = everything_logged()
    for secret in SECRETS:
        assert secret not in logged
    assert "GET " not in logged


def test_other_threads_and_later_calls_of_a_library_go_on_logging(
    hook: TikHubHook, odd_server: OddServer, caplog: pytest.LogCaptureFixture
) -> None:
    odd_server.plan(json_reply(envelope({})))
    search(hook)
    with caplog.at_level(logging.DEBUG, logger="urllib3.connection"):
        logging.getLogger("urllib3.connection").warning("of somebody else")
    assert "of somebody else" in caplog.text


ECHOED = f"Authorization: Bearer {KEY} {KEY.upper()} {quote(KEY)} {quote(KEY, safe='')} " + " ".join(
    b64encode(f"{start}{KEY}:end".encode()).decode() for start in ("", "x", "xy")
)
LINK = str(envelope(None)["cache_url"])


def spelled_out(value: Any) -> str:
    """JSON in which every character of every text is escaped."""
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(character):04x}" for character in value) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{spelled_out(name)}:{spelled_out(part)}" for name, part in value.items()) + "}"
    return f"[{','.join(map(spelled_out, value))}]" if isinstance(value, list) else json.dumps(value)


@pytest.mark.parametrize("write", [json.dumps, spelled_out])
def test_a_key_or_a_link_in_a_successful_answer_does_not_reach_the_values(
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


def test_one_line_is_logged_for_each_call(
    hook: TikHubHook, odd_server: OddServer, everything_logged: Callable[[], str]
) -> None:
    odd_server.plan(json_reply(envelope({})), json_reply({}, 503))
    search(hook, offset=20)
    with pytest.raises(errors.TikHubTransientError):
        hook.fetch_profile(handle="clay.sample")
    logged = everything_logged()
    assert logged.count("search for 'pottery' at offset 20") == 1
    assert logged.count("profile of unique_id 'clay.sample': TikHubTransientError (HTTP 503)") == 1


def test_the_hook_and_its_session_do_not_show_the_key(hook: TikHubHook) -> None:
    session = hook.get_conn()
    assert KEY not in f"{hook!r} {hook.__dict__!r} {session!r} {session.__dict__!r}"


def test_a_long_message_is_quoted_in_one_short_line(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_reply({"detail": {"message": "one\r\n\x1b[31mtwo\u2028three\x00 " + "long words " * 99}}, 400))
    with pytest.raises(errors.TikHubAmbiguousError) as caught:
        search(hook)
    quoted = str(caught.value).split('TikHub says: "')[1].split('"')[0]
    assert quoted.startswith("one [31mtwo three long words")
    assert len(quoted) <= 200


def test_words_in_any_script_are_quoted_as_they_are(hook: TikHubHook, odd_server: OddServer) -> None:
    words = "余额不足请充值后再试余额不足请充值后再试余额不足请充值后再试"
    odd_server.plan(json_reply({"detail": {"message": words}}, 402))
    with pytest.raises(errors.TikHubBalanceError, match=words):
        search(hook)


@pytest.mark.parametrize(
    "error",
    [
        errors.TikHubRateLimitError("wait", route="/r", subject="s", status=429, is_billed=False, retry_after=3.5),
        errors.TikHubCutBodyError("cut", route="/r", status=200, request_id="i", inner_status=5),
    ],
)
def test_errors_cross_processes_whole(error: errors.TikHubError) -> None:
    error.failed_attempts = 2
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
