"""Nobody sees anything of the page who may not read the Dag's runs in Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from comets.page.app import pages
from comets.page.rendering import STATIC_FOLDER
from tests.page.conftest import Site

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def paths() -> Iterator[str]:
    """Every route with parameters filled in, every static file, and paths that do not exist."""
    for route in pages.routes:
        path = getattr(route, "path", "").lstrip("/")
        for kind in ("csv", "json"):
            yield path.format(user_id="101", table="days", kind=kind)
    for file in STATIC_FOLDER.rglob("*"):
        yield f"static/{file.relative_to(STATIC_FOLDER)}"
    yield from ("docs", "openapi.json", "redoc", "nothing", "creators", "static/nothing.css", "static/../app.py", "%00")


PATHS = sorted(set(paths()))


def test_there_is_something_to_guard() -> None:
    assert {"", "leaderboard.csv", "creators/101", "runs", "hashtags.json", "latest", "static/comets.css"} <= set(PATHS)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_answers_without_a_login(site: Site, method: str) -> None:
    for path in PATHS:
        answer = site.get(path, user=None, method=method, Accept="*/*")
        assert answer.status_code == 401, path
        assert "ada" not in answer.text


@pytest.mark.parametrize("method", METHODS)
def test_a_user_who_may_not_read_the_runs_gets_403(site: Site, method: str) -> None:
    for path in PATHS:
        answer = site.get(path, user="nobody", method=method)
        assert answer.status_code == 403, path
        assert method == "HEAD" or "Ask whoever runs Airflow" in answer.text


def test_a_user_who_may_reads_every_page(site: Site) -> None:
    found = {path: site.get(path).status_code for path in PATHS}
    missing = {"docs", "openapi.json", "redoc", "nothing", "creators", "static/nothing.css", "static/../app.py", "%00"}
    assert {path for path, status in found.items() if status == 404} == missing | {"static", "static/chart.js-4.6.1"}
    assert {status for path, status in found.items() if status != 404} == {200, 303}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_page_can_only_be_read(site: Site, method: str) -> None:
    for path in ("", "creators/101", "runs.csv", "static/comets.css"):
        assert site.get(path, method=method).status_code == 405


def test_a_browser_without_a_login_comes_back_after_it(site: Site) -> None:
    answer = site.get("creators/101?date=2026-03-09", user=None)
    assert answer.status_code == 307
    login = urlsplit(answer.headers["Location"])
    assert login.path == "/api/v2/auth/login"
    assert parse_qs(login.query) == {"next": ["/comets/creators/101?date=2026-03-09"]}
    accepted = site.session.get(f"{site.url}{answer.headers['Location']}", allow_redirects=False, timeout=30)
    assert accepted.headers["Location"].startswith("/auth/login?next=")


def test_a_frame_without_a_login_is_not_sent_to_a_form_in_it(site: Site) -> None:
    answer = site.get("latest", user=None, Sec_Fetch_Dest="iframe")
    assert answer.status_code == 401
    assert "Log in to Airflow first" in answer.text


@pytest.mark.parametrize("token", ["garbage", "a.b.c", ""])
def test_a_garbled_login_is_none(site: Site, token: str) -> None:
    assert site.get("", user=None, Accept="*/*", Cookie=f"_token={token}").status_code == 401
    assert site.get("", user=None, Accept="*/*", Authorization=f"Bearer {token}").status_code == 401


def test_a_program_may_use_a_bearer_token(site: Site) -> None:
    token = site.tokens["viewer"]
    assert site.get("runs.json", user=None, Authorization=f"Bearer {token}").status_code == 200


def test_every_answer_has_the_headers_that_keep_it_safe(site: Site) -> None:
    answers = [site.get(path) for path in ("", "nothing", "?date=x", "runs.csv", "static/comets.css")]
    answers += [site.get("", user=None), site.get("", user="nobody")]
    for answer in answers:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        is_static = "/static/" in answer.url
        assert answer.headers["Cache-Control"] == ("private, max-age=86400" if is_static else "no-store")
