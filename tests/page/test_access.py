"""The page is open only to users that can read the Dag's runs in Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from comets.page.app import pages
from comets.page.rendering import STATIC_FOLDER
from tests.page.conftest import JWT_SECRET, Site, log_in

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def paths() -> Iterator[str]:
    """Yield each route with parameters filled in, each static file, and missing paths."""
    for route in pages.routes:
        path = getattr(route, "path", "").lstrip("/")
        for kind in ("csv", "json"):
            yield path.format(user_id="101", table="days", kind=kind)
    for file in STATIC_FOLDER.rglob("*"):
        yield f"static/{file.relative_to(STATIC_FOLDER)}"
    yield from ("docs", "openapi.json", "redoc", "nothing", "creators", "static/nothing.css", "static/../app.py", "%00")


PATHS = sorted(set(paths()))


def test_tested_paths_cover_every_kind() -> None:
    assert {"", "leaderboard.csv", "creators/101", "runs", "hashtags.json", "latest", "static/comets.css"} <= set(PATHS)


def test_no_path_answers_without_login(site: Site) -> None:
    for path, method in product(PATHS, METHODS):
        answer = site.get(path, user=None, method=method, Accept="*/*")
        assert answer.status_code == 401, (method, path)
        assert "ada" not in answer.text


def test_user_without_run_access_gets_403(site: Site) -> None:
    for path, method in product(PATHS, METHODS):
        answer = site.get(path, user="no_role", method=method)
        assert answer.status_code == 403, (method, path)
        assert method == "HEAD" or "Ask your Airflow administrator" in answer.text


def test_viewer_reads_every_page(site: Site) -> None:
    found = {path: site.get(path).status_code for path in PATHS}
    missing = {"docs", "openapi.json", "redoc", "nothing", "creators", "static/nothing.css", "static/../app.py", "%00"}
    assert {path for path, status in found.items() if status == 404} == missing | {"static", "static/chart.js-4.6.1"}
    assert {status for path, status in found.items() if status != 404} == {200, 303}


def test_page_is_read_only(site: Site) -> None:
    for path, method in product(
        ("", "creators/101", "runs.csv", "static/comets.css"), ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    ):
        assert site.get(path, method=method).status_code == 405, (method, path)


def test_login_redirects_back_to_the_address(site: Site) -> None:
    answer = site.get("creators/101?date=2026-03-09", user=None)
    assert answer.status_code == 307
    login = urlsplit(answer.headers["Location"])
    assert login.path == "/api/v2/auth/login"
    assert parse_qs(login.query) == {"next": ["/comets/creators/101?date=2026-03-09"]}
    accepted = site.session.get(f"{site.url}{answer.headers['Location']}", allow_redirects=False, timeout=30)
    assert accepted.headers["Location"].startswith("/auth/login?next=")


def test_frame_without_login_is_not_redirected(site: Site) -> None:
    answer = site.get("latest", user=None, Sec_Fetch_Dest="iframe")
    assert answer.status_code == 401
    assert "Log in to Airflow" in answer.text


@pytest.mark.parametrize("claims", [{"exp": 10**9}, {"aud": "elsewhere"}, {"nbf": 2**33}], ids=["exp", "aud", "nbf"])
def test_token_with_invalid_claims_is_rejected(site: Site, claims: dict[str, Any]) -> None:
    assert is_accepted(site, forged(site))
    assert not is_accepted(site, forged(site, **claims))


def test_token_not_signed_by_airflow_is_rejected(site: Site) -> None:
    head, claims, signature = site.tokens["viewer"].split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for token in (
        "",
        "garbage",
        "a.b.c",
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        forged(site, secret="s" * 64),
        "x" * 6000,
        "\u00fc%00",
    ):
        assert not is_accepted(site, token), token


def test_bad_bearer_is_rejected_despite_a_valid_cookie(site: Site) -> None:
    assert site.get("", Accept="*/*", Authorization="Bearer a.b.c").status_code == 401


def test_logged_out_user_is_rejected(site: Site) -> None:
    token = log_in(site.url, "viewer")
    assert is_accepted(site, token)
    cookie = {"Cookie": f"_token={token}"}
    site.session.get(f"{site.url}/api/v2/auth/logout", headers=cookie, allow_redirects=False, timeout=30)
    assert not is_accepted(site, token)


def test_bearer_token_is_accepted(site: Site) -> None:
    token = site.tokens["viewer"]
    assert site.get("runs.json", user=None, Authorization=f"Bearer {token}").status_code == 200


def test_every_response_has_security_headers(site: Site) -> None:
    answers = [site.get(path) for path in ("", "nothing", "?date=x", "runs.csv", "static/comets.css")]
    answers += [site.get("", user=None), site.get("", user="no_role")]
    for answer in answers:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        is_static = "/static/" in answer.url
        assert answer.headers["Cache-Control"] == ("private, max-age=86400" if is_static else "no-store")


def is_accepted(site: Site, token: str) -> bool:
    """Return whether a cookie with this token opens the page."""
    status = site.get("", user=None, Accept="*/*", Cookie=f"_token={token}").status_code
    assert status in {200, 401}
    return status == 200


def forged(site: Site, secret: str = JWT_SECRET, **changes: Any) -> str:
    """Return the viewer's token with changed claims, signed with Airflow's secret by default."""
    token = site.tokens["viewer"]
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, secret, algorithm=jwt.get_unverified_header(token)["alg"])
