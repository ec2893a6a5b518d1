"""How long each view of the page takes, asked as a browser does, and the plan of the query that it sends.

The clock runs from the request to the end of the answer: Airflow's login, the connection to the database, the query and
the page that is made of it. Airflow's API server, the database and the client share this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from comets.settings import DAG_ID
from include.stack.output import note
from tests.benchmarks.airflow_site import airflow_site
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Statement, Timing, measure
from tests.benchmarks.results import Results
from tests.benchmarks.sizes import LAST_DATE, Size
from tests.benchmarks.world import Connection, history
from tests.page.conftest import Site

LIMIT = 300.0
"""Milliseconds that a view may take at the median."""

HASHTAG = "topic007"
RARE_TEXT = "otter4321"
FREQUENT_TEXT = "otter"


@dataclass(frozen=True)
class View:
    """A view with representative parameters."""

    name: str
    path: str


def run(size: Size, folder: Path) -> list[Figure]:
    """Measure every view; print plans and medians, and write both below the folder."""
    with history(folder / "postgres", size) as url, psycopg.connect(url, autocommit=True) as connection:
        with airflow_site(url) as site:
            note("Asking for each view ...")
            timings = [ask(site, view) for view in views(connection, size)]
        title = f"Views of the page with {size.creators:,} creators and {size.dates} dates each"
        results = Results(title, timings, LIMIT, load=os.getloadavg()[0])
        results.show_plans(connection, folder / f"page-views-{size.name}.plans.txt")
    results.show()
    return figures(timings)


def figures(timings: Sequence[Timing]) -> list[Figure]:
    """The slowest view and the one in the middle: a table of all of them is printed beside."""
    slowest = sorted(timings, key=lambda timing: timing.median)
    middle = slowest[len(slowest) // 2]
    return [
        Figure(f"page views, the median of {len(timings)}: {middle.name}", "ms", middle.runs),
        Figure(f"page views, the slowest: {slowest[-1].name}", "ms", slowest[-1].runs),
    ]


def ask(site: Site, view: View) -> Timing:
    """Measure one view.

    :raises BenchmarkError: it came without a query, so that it was not the page which answered.
    """
    timing = measure(view.name, lambda: site.text(view.path), is_wanted=is_of_the_page)
    if not timing.statements:
        raise BenchmarkError(f"{view.name} (/comets/{view.path}) was answered without a query.")
    return timing


def is_of_the_page(statement: Statement) -> bool:
    """Whether a statement is the page's: a view's query, or the settings before it. Time limits would end the plans."""
    return statement.text.startswith("-- Purpose") and "statement_timeout" not in statement.text


def views(connection: Connection, size: Size) -> Iterator[View]:
    """Every view: first and last pages, each order, each filter, the largest creators, exports."""
    middle = str(size.middle_date)
    yield from leaderboards(middle)
    for name, user_id in creators(connection).items():
        yield View(f"creator, {name}", f"creators/{user_id}")
        yield View(f"creator, {name}, in the middle", f"creators/{user_id}?{urlencode({'date': middle})}")
        for table in ("days.csv", "parts.json", "videos.csv"):
            yield View(f"creator, {name}, {table}", f"creators/{user_id}/{table}")
    for days in (30, 90, 366):
        yield View(f"hashtags, {days} days", f"hashtags?{urlencode({'days': days})}")
    yield View("hashtags, by trend", "hashtags?sort=trend")
    yield View("hashtags as CSV, 90 days", "hashtags.csv?days=90")
    yield View("runs", "runs")
    yield View("runs, last page", "runs?page=1000000")
    yield View("runs, 200", "runs?size=200")
    yield View("runs as JSON, 200", "runs.json?size=200")
    yield View("latest run", f"latest?{urlencode({'dag': DAG_ID, 'framed': 1})}")


def creators(connection: Connection) -> dict[str, str]:
    """Creators by what makes them worth a look."""
    found = connection.execute(
        """
        select
            (select user_id from comet_scores where recorded_date = %(last)s order by video_count desc limit 1),
            (select user_id from comet_discoveries group by user_id order by count(*) desc limit 1),
            (select user_id from creators where tracked_since < %(last)s - 60 order by user_id limit 1),
            (select user_id from creators where tracked_since = %(last)s order by user_id limit 1)
        """,
        {"last": LAST_DATE},
    ).fetchone()
    names = ("most videos", "most discoveries", "with few videos", "found yesterday")
    return dict(zip(names, found or (), strict=True))


def leaderboards(middle: str) -> Iterator[View]:
    """The leaderboard and its exports."""
    # This imports Airflow, which then reads the environment that the site has made.
    from comets.page.leaderboard import COLUMNS

    yield View("leaderboard", "")
    for sort in COLUMNS:
        yield board(f"by {sort}", sort=sort)
        yield board(f"by {sort}, turned around", sort=sort, order="asc")
    yield board("last page", page=1_000_000)
    yield board("last page, all creators by score", page=1_000_000, band="all", sort="score")
    yield board("200 creators", size=200)
    yield board("in the middle", date=middle)
    yield board("of a hashtag", hashtag=HASHTAG)
    yield board("of a hashtag in the middle", hashtag=HASHTAG, date=middle)
    yield board("search, rare", search=RARE_TEXT)
    yield board("search, frequent", search=FREQUENT_TEXT)
    yield board("search, one letter", search="o", band="all")
    yield board("hashtag and search", hashtag=HASHTAG, search=FREQUENT_TEXT)
    for band in ("10k-25k", "25k-50k", "50k-100k", "below", "above", "all"):
        yield board(f"band {band}", band=band)
    yield View("leaderboard as CSV, 200", f"leaderboard.csv?{urlencode({'size': 200})}")
    yield View("leaderboard as JSON, 200", f"leaderboard.json?{urlencode({'size': 200, 'band': 'all'})}")


def board(name: str, **parameters: object) -> View:
    """A leaderboard."""
    return View(f"leaderboard, {name}", f"?{urlencode(parameters)}")
