"""Parameters and texts of creators are never executed as SQL, markup, script or formula."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from comets.page import creator, hashtags, leaderboard, runs
from comets.page.parameters import Parameters
from tests.page.conftest import Site
from tests.page.reading import Page, read, rows

VIEWS: dict[str, type[Parameters]] = {
    "": leaderboard.LeaderboardQuery,
    "creators/101": creator.CreatorQuery,
    "hashtags": hashtags.HashtagsQuery,
    "runs": runs.RunsQuery,
    "latest": runs.LatestQuery,
}
ATTACKS = (
    "'; drop table creators; --",
    "1); select pg_sleep(20); --",
    "%(sort)s",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "{{ 7 * 191 }}",
    "x\r\nSet-Cookie: evil=1",
    "\x00",
)


@pytest.mark.parametrize("path", VIEWS)
def test_parameters_are_data(site: Site, path: str) -> None:
    before = [row["user_id"] for row in rows(site, "leaderboard.csv?band=all&size=200")]
    for name in [*VIEWS[path].model_fields, "framed", "unknown"]:
        for attack in ATTACKS:
            answer = site.get(f"{path}?{name}={quote(attack)}")
            assert answer.status_code in {200, 303, 422}, (name, attack)
            assert "1337" not in answer.text
            assert "Set-Cookie" not in answer.headers
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                check_harmless(answer.text)
            assert "Traceback" not in answer.text
    assert [row["user_id"] for row in rows(site, "leaderboard.csv?band=all&size=200")] == before


def check_harmless(text: str) -> None:
    """Assert that scripts are local, no element has a handler, and links lead to the page, Airflow or TikTok."""
    for tag, attributes in Page(text).elements:
        assert tag not in {"iframe", "object", "embed", "base", "style"}
        assert tag != "script" or str(attributes["src"]).startswith("/comets/static/")
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("href", "src", "action"):
            address = attributes.get(name)
            own = ("/comets/", "/dags/comet_discovery", "https://www.tiktok.com/@", "#main")
            assert address is None or address.startswith(own), address


@pytest.mark.parametrize(
    "path", ["?size=200", "creators/101", "creators/103", "creators/104", "runs", "latest", "hashtags"]
)
def test_texts_of_creators_are_escaped(site: Site, path: str) -> None:
    text = site.text(path)
    check_harmless(text)
    assert "\u202e" not in text
    if path in {"?size=200", "creators/103", "creators/101", "runs"}:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_invisible_characters_are_replaced_and_emoji_stay_whole(site: Site) -> None:
    page = read(site, "creators/104")
    assert "\ufffdevil\ufffd 👩\u200d💻" in page.text
    assert "bdi" in {tag for tag, _ in page.elements}


def test_no_cell_of_a_csv_is_a_formula(site: Site) -> None:
    found = {row["user_id"]: row for row in rows(site, "leaderboard.csv?band=all&size=200")}
    assert found["102"]["nickname"] == "'=cmd|' /C calc'!A1"
    assert found["107"]["nickname"] == "'  +49 170"
    assert found["103"]["nickname"] == "<script>alert(1)</script>"
    negative = found["106"]
    assert negative["acceleration"] == "-1010"
    assert negative["growth_7d_rate"].startswith("-0.045")


def test_json_holds_no_markup(site: Site) -> None:
    text = site.get("leaderboard.json?band=all&size=200").text
    assert "<" not in text
    assert "\\u003cscript\\u003ealert(1)" in text


@pytest.mark.parametrize(
    "path",
    [
        "static/../app.py",
        "static/..%2fapp.py",
        "static/%2e%2e/app.py",
        "static/..%5capp.py",
        "static//etc/passwd",
        "static/....//app.py",
        "static/%00",
        "static/comets.css%00.png",
        "static/" + "a" * 5000,
    ],
)
def test_static_path_stays_in_its_folder(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_nothing_loads_from_another_host(site: Site) -> None:
    for path in ("", "creators/101", "hashtags", "runs", "latest"):
        for tag, attributes in read(site, path).elements:
            if tag != "a":
                for name in ("src", "href", "action", "srcset", "data"):
                    address = attributes.get(name)
                    assert address is None or address.startswith("/comets/"), address
