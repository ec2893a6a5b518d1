"""The Airflow connection: its forms, and the options that it can't set."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import Connection

from comets import errors
from comets.tikhub.connection import base_url_of
from comets.tikhub.hook import TikHubHook
from tests.tikhub.conftest import KEY, search
from tests.tikhub.odd_server import OddServer, envelope, json_response


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "https://api.tikhub.io"),
        ({"host": "  "}, "https://api.tikhub.io"),
        ({"host": "https://api.tikhub.dev"}, "https://api.tikhub.dev"),
        ({"host": " https://api.tikhub.dev/ "}, "https://api.tikhub.dev"),
        ({"host": "api.tikhub.dev"}, "https://api.tikhub.dev"),
        ({"host": "api.tikhub.dev", "schema": "v1"}, "https://api.tikhub.dev"),
        ({"host": "https://api.tikhub.dev", "schema": "http"}, "https://api.tikhub.dev"),
        ({"host": "http://proxy.example", "port": 8080, "extra": '{"allow_http": true}'}, "http://proxy.example:8080"),
        ({"host": "http://127.8.9.10"}, "http://127.8.9.10"),
        ({"host": "https://proxy.example/tik/hub/", "port": 8443}, "https://proxy.example:8443/tik/hub"),
        ({"host": "proxy.example:9000/tikhub"}, "https://proxy.example:9000/tikhub"),
        ({"host": "proxy.example:9000", "port": 1}, "https://proxy.example:9000"),
        ({"host": "127.0.0.1", "port": 8000}, "http://127.0.0.1:8000"),
        ({"host": "127.0.0.1:8000"}, "http://127.0.0.1:8000"),
        ({"host": "localhost"}, "http://localhost"),
        ({"host": "localhost", "schema": "https"}, "https://localhost"),
        ({"host": "localhost", "conn_type": "https"}, "https://localhost"),
        ({"host": "http://[::1]:8000/x"}, "http://[::1]:8000/x"),
        ({"host": "[::1]:8000"}, "http://[::1]:8000"),
        ({"host": "localhost.example"}, "https://localhost.example"),
        ({"host": "https://user:secret@proxy.example/?a=b#c"}, "https://proxy.example"),
    ],
)
def test_host_sets_the_base_url(fields: dict[str, Any], expected: str) -> None:
    assert base_url_of(Connection(**({"conn_id": "tikhub", "conn_type": "http"} | fields))) == expected


@pytest.mark.parametrize("host", ["ftp://proxy.example", "https://", "https://[::1", "http://name:port", "://x"])
def test_invalid_host_is_rejected_before_any_call(connect: Callable[..., TikHubHook], host: str) -> None:
    with pytest.raises(errors.TikHubRequestError, match=r"`tikhub` has an invalid host.*TIKHUB_BASE_URL") as caught:
        search(connect(host=host))
    assert caught.value.is_billed is False


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "http://api.tikhub.dev"},
        {"host": "HTTP://api.tikhub.dev:8080/x"},
        {"host": "api.tikhub.dev", "schema": "http"},
        {"host": "http://localhost.example"},
        {"host": "http://127.0.0.1.example"},
        {"host": "http://10.0.0.1"},
        {"host": "http://127.0.0.1@api.tikhub.dev"},
        {"host": "http://api.tikhub.dev", "extra": {"allow_http": "true"}},
    ],
)
def test_plain_http_to_another_machine_is_rejected_before_any_call(
    connect: Callable[..., TikHubHook], fields: dict[str, Any]
) -> None:
    with pytest.raises(errors.TikHubRequestError, match=r"`tikhub`.*unencrypted.*https://.*TIKHUB_BASE_URL") as caught:
        search(connect(**fields))
    assert caught.value.is_billed is False


def test_path_of_the_base_url_prefixes_the_routes(connect: Callable[..., TikHubHook], odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope({})))
    search(connect(host="127.0.0.1/some/prefix", port=int(odd_server.url.rpartition(":")[2])))
    assert odd_server.requests[0].path == "/some/prefix/api/v1/tiktok/app/v3/fetch_video_search_result"


@pytest.mark.parametrize("password", [f"  {KEY}\r\n", "clé in latin-1"])
def test_password_is_sent_as_bearer_key(
    connect: Callable[..., TikHubHook], odd_server: OddServer, password: str
) -> None:
    odd_server.plan(json_response(envelope({})))
    search(connect(host=odd_server.url, password=password, login="someone"))
    assert odd_server.requests[0].headers["Authorization"] == f"Bearer {password.strip()}"


@pytest.mark.parametrize("password", [None, " \n", "sk-se\ncret", "ключ-secret", "sk-\x7fsecret"])
def test_unusable_key_is_rejected_before_any_call_and_not_shown(
    connect: Callable[..., TikHubHook], odd_server: OddServer, password: str | None
) -> None:
    with pytest.raises(errors.TikHubAuthError, match=r"`tikhub` can't be used \(it.*TIKHUB_API_KEY") as caught:
        search(connect(host=odd_server.url, password=password))
    assert caught.value.is_billed is False
    assert caught.value.__cause__ is None
    assert "secret" not in f"{caught.value!r} {caught.value.__context__!r}"
    assert not odd_server.requests


def test_missing_connection_error_says_how_to_define_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TIKHUB", raising=False)
    with pytest.raises(errors.TikHubAuthError, match=r"`tikhub` is not defined.*TIKHUB_API_KEY.*AIRFLOW_CONN_TIKHUB"):
        search(TikHubHook())


def test_connection_id_is_configurable(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_server.plan(json_response({}, 401))
    connection = {"conn_type": "http", "host": odd_server.url, "password": "other-key"}
    monkeypatch.setenv("AIRFLOW_CONN_OTHER_HUB", json.dumps(connection))
    with pytest.raises(errors.TikHubAuthError, match="connection `other_hub`"):
        search(TikHubHook(tikhub_conn_id="other_hub"))
    assert odd_server.requests[0].headers["Authorization"] == "Bearer other-key"


EXTRAS: list[Any] = [
    {"max_pages": 5, "api_key": "extra-secret", "nested": {"a": [1]}},
    {"timeout": None, "allow_redirects": True, "check_response": False, "stream": False, "max_redirects": 9},
    {"Authorization": "Bearer extra-secret", "User-Agent": "extra-secret", "headers": {"X-Extra": "extra-secret"}},
    "not JSON",
]


@pytest.mark.parametrize("extra", EXTRAS)
def test_connection_options_do_not_become_headers(
    connect: Callable[..., TikHubHook], odd_server: OddServer, extra: Any
) -> None:
    odd_server.plan(json_response(envelope({})))
    search(connect(host=odd_server.url, extra=extra))
    headers = odd_server.requests[0].headers
    assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Authorization"}
    assert "extra-secret" not in str(headers)
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_options_change_neither_timeout_nor_redirects(
    connect: Callable[..., TikHubHook], odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, Any] = {}
    hook = connect(host=odd_server.url, extra={"timeout": 900, "allow_redirects": True})
    monkeypatch.setattr(hook.get_conn(), "send", lambda request, **options: sent.update(options))
    hook.run("/x", extra_options={"timeout": None, "allow_redirects": True})
    assert (sent["timeout"], sent["allow_redirects"], sent["stream"]) == (30, False, True)


def test_options_of_the_http_provider_apply(connect: Callable[..., TikHubHook]) -> None:
    session = connect(extra={"verify": False, "proxies": {"https": "http://proxy.example"}}).get_conn()
    assert session.verify is False
    assert session.proxies == {"https": "http://proxy.example"}


def test_netrc_password_does_not_replace_the_key(
    connect: Callable[..., TikHubHook], odd_server: OddServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password of-the-netrc\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    odd_server.plan(json_response(envelope({})))
    search(connect(host=odd_server.url))
    assert odd_server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
