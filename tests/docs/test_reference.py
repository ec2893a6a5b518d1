"""The documentation is current, and its site builds without a broken link."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psycopg

from docs.generate import REFERENCE, reference_pages
from include.stack.project import PROJECT


def test_the_reference_is_what_the_code_says(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        pages = reference_pages(connection)
    committed = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
    stale = sorted(name for name in pages.keys() | committed.keys() if pages.get(name) != committed.get(name))
    assert stale == [], f"{', '.join(stale)} of docs/reference: renew with `make docs`"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    options = ["-q", "-W", "--keep-going", "-b", "dirhtml"]
    result = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(PROJECT / "docs"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_links_of_the_readme_lead_somewhere() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", readme)
    assert "docs/index.md" in targets
    assert [target for target in targets if not (PROJECT / target).exists()] == []
    assert len(readme.splitlines()) <= 130


def test_the_scouts_guide_has_no_word_of_airflows_inside() -> None:
    guide = (PROJECT / "docs" / "scouts-guide.md").read_text(encoding="utf-8").lower()
    assert re.findall(r"\b(?:dags?|tasks?|operators?|xcoms?|airflow|backfills?|sql|null|api)\b", guide) == []


def test_every_quality_check_is_explained() -> None:
    page = (PROJECT / "docs" / "howto" / "failures.md").read_text(encoding="utf-8")
    files = (PROJECT / "include" / "sql" / "quality").glob("*/*.sql")
    checks = {f"{path.parent.name}.{path.stem}" for path in files}
    assert set(re.findall(r"^\| `(\w+\.\w+)` \|", page, re.MULTILINE)) == checks


def test_every_room_is_in_the_picture() -> None:
    picture = (PROJECT / "docs" / "images" / "rooms.svg").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (PROJECT / "plugins" / "comets").glob("*/__init__.py")}
    assert rooms - set(re.findall(r">([\w.]+)</text>", picture)) == set()
