"""Who may read the Dag's runs in Airflow sees the page, every other visitor sees nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.routing import Mount, Route

from comets.page.app import pages
from include.stack.keys import UI_USER
from tests.stack.page.visitors import Visitor, an_hour_ago, forged, log_in
from tests.stack.running_stack import NOBODY, VIEWER, RunningStack

ROOT = "/comets"
OTHER_METHODS = ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
UNKNOWN = tuple(f"{ROOT}/{path}" for path in ("unknown", "docs", "openapi.json", "static/", "static/unknown.js"))


@pytest.fixture(scope="module")
def handle(days: RunningStack) -> str:
    """Of a creator that the page shows."""
    return str(days.rows("select handle from creators order by user_id")[0]["handle"])


@pytest.fixture(scope="module")
def paths(days: RunningStack) -> list[str]:
    """Every path that answers: pages, exports and static files."""
    creator = days.rows("select user_id from creators order by user_id")[0]["user_id"]
    values = {"user_id": [creator], "kind": ["csv", "json"], "table": ["parts", "videos", "days"]}
    return [ROOT + path for path in known_paths(values)]


@pytest.fixture(scope="module")
def viewer(days: RunningStack) -> Visitor:
    """May read everything in Airflow and change nothing."""
    return log_in(days, VIEWER)


def test_a_viewer_sees_every_page_export_and_file(viewer: Visitor, paths: list[str]) -> None:
    assert len(paths) > 20
    for path in paths:
        reply = viewer.ask(path)
        leads_on = reply.is_redirect and reply.headers["Location"].startswith(f"{ROOT}/creators/")
        assert reply.status_code == 200 or leads_on, path


def test_a_viewer_gets_no_more_than_that(viewer: Visitor, paths: list[str]) -> None:
    for path in UNKNOWN:
        assert viewer.ask(path).status_code == 404, path
    for path, method in product(paths, ("POST", "PUT", "PATCH", "DELETE")):
        assert viewer.ask(path, method).status_code == 405, (method, path)


def test_without_a_login_every_path_asks_for_one(days: RunningStack, paths: list[str], handle: str) -> None:
    stranger = Visitor(days.api.url)
    for path in (*paths, *UNKNOWN):
        assert is_asked_to_log_in(stranger.ask(path), handle), path
        assert stranger.ask(path, Accept="*/*").status_code == 401, path
        for method in OTHER_METHODS:
            assert is_asked_to_log_in(stranger.ask(path, method), handle), (method, path)


def test_a_frame_without_a_login_shows_why_it_is_empty(days: RunningStack) -> None:
    reply = Visitor(days.api.url).ask(f"{ROOT}/", **{"Sec-Fetch-Dest": "iframe"})
    assert reply.status_code == 401
    assert "Log in" in reply.text


def test_a_user_who_may_not_read_the_dag_is_refused_everywhere(
    days: RunningStack, paths: list[str], handle: str
) -> None:
    nobody = log_in(days, NOBODY)
    for path, method in product((*paths, *UNKNOWN), ("GET", *OTHER_METHODS)):
        reply = nobody.ask(path, method)
        assert reply.status_code == 403, (method, path)
        assert handle not in reply.text


@pytest.mark.parametrize(
    "claims",
    [{"exp": an_hour_ago()}, {"aud": "elsewhere"}, {"nbf": 2**33}],
    ids=["expired", "for-somebody-else", "not-yet-valid"],
)
def test_a_token_that_does_not_count_is_no_login(
    days: RunningStack, paths: list[str], handle: str, claims: dict[str, Any]
) -> None:
    token = log_in(days, UI_USER).token or ""
    assert Visitor(days.api.url, forged(days, token)).ask(f"{ROOT}/").status_code == 200
    guest = Visitor(days.api.url, forged(days, token, **claims))
    for path in paths:
        assert is_asked_to_log_in(guest.ask(path), handle), path


def test_a_cookie_that_airflow_has_not_made_is_no_login(days: RunningStack, paths: list[str], handle: str) -> None:
    token = log_in(days, UI_USER).token or ""
    head, claims, signature = token.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for garbage in (
        "",
        "garbage",
        "a.b.c",
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        forged(days, token, secret="s" * 64),
        "x" * 6000,
        "\u00fc%00",
    ):
        guest = Visitor(days.api.url, garbage)
        for path in (paths[0], paths[-1], f"{ROOT}/unknown"):
            assert is_asked_to_log_in(guest.ask(path), handle), (garbage, path)


def test_a_bad_bearer_is_no_login_even_beside_a_good_cookie(viewer: Visitor) -> None:
    for bearer in ("Bearer garbage", "Bearer a.b.c"):
        assert viewer.ask(f"{ROOT}/", Accept="*/*", Authorization=bearer).status_code in {401, 403}


def test_who_has_logged_out_is_out(days: RunningStack) -> None:
    visitor = log_in(days, VIEWER)
    assert visitor.ask(f"{ROOT}/").status_code == 200
    assert visitor.ask("/api/v2/auth/logout").status_code in {200, 307}
    assert is_asked_to_log_in(visitor.ask(f"{ROOT}/"), "unknown")


def known_paths(values: dict[str, list[str]]) -> Iterator[str]:
    """Each route with these values in the place of its parameters, and each static file."""
    for route in pages.routes:
        if isinstance(route, Mount):
            folder = Path(route.app.directory)  # type: ignore[attr-defined]
            files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
            yield from (f"{route.path}/{file}" for file in files)
        elif isinstance(route, Route):
            names = list(route.param_convertors)
            for found in product(*(values[name] for name in names)):
                yield route.path.format(**dict(zip(names, found, strict=True)))


def is_asked_to_log_in(reply: requests.Response, secret: str) -> bool:
    """Whether this answer says nothing but "log in", to a person or to a program."""
    leads_to_login = reply.is_redirect and "/auth/login" in reply.headers["Location"]
    return (reply.status_code in {401, 403} or leads_to_login) and secret not in reply.text
