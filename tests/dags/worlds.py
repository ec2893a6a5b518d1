"""Dag runs on made-up creators that tests control."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.sandbox.client import SandboxClient
from include.sandbox.creators import Creator, CreatorBook, Role, number_for
from tests.runs.test_params_and_dates import PARAMS

SEARCH = "fetch_video_search_result"
PROFILE = "handler_user_profile"
HASHTAG = "gymtok"

LASTING_TABLES = (
    "creators",
    "creator_stats",
    "comet_dates",
    "comet_discoveries",
    "comet_handles",
    "comet_pages",
    "comet_profiles",
    "comet_rejected_items",
    "comet_searches",
    "comet_videos",
)

Row = dict[str, Any]

_BOOK = CreatorBook()


def cast(count: int) -> list[Creator]:
    """Return distinct creators of the sandbox."""
    numbers = dict.fromkeys(number_for(Role.COMET, "cast", slot) for slot in range(2 * count))
    return [_BOOK.by_number(number) for number in list(numbers)[:count]]


def page_of(
    *creators: Creator,
    hidden: Sequence[Creator] = (),
    followers: Mapping[Creator, int] | None = None,
    hashtag: str = HASHTAG,
) -> Row:
    """Return a fault rule by which the search of a hashtag returns one qualifying video of each creator.

    :param hidden: creators without a follower count in the search
    :param followers: counts of the others; 20,000 by default
    """
    cards = [_card(creator, {"follower_count": (followers or {}).get(creator, 20_000)}) for creator in creators]
    cards += [_card(creator, {}) for creator in hidden]
    return {"route": SEARCH, "keyword": hashtag, "fault": "items", "items": cards}


def _card(creator: Creator, counts: Row) -> Row:
    author = {"uid": creator.uid, "sec_uid": creator.sec_uid, "unique_id": creator.handle, **counts}
    video = {"aweme_id": creator.uid, "desc": "", "create_time": 1_772_000_000, "statistics": {"play_count": 60_000}}
    return {"aweme_info": {**video, "author": author}}


def failing(*identifiers: str, status: int = 400, **changes: Any) -> list[Row]:
    """Return fault rules by which profiles of these identifiers fail with an HTTP status."""
    rule = {"route": PROFILE, "fault": "status", "status": status, **changes}
    return [{**rule, "account": identifier} for identifier in identifiers]


def identifiers_of(creator: Creator) -> tuple[str, str, str]:
    """Return the identifiers of a creator, in the order of their use."""
    return (creator.sec_uid, creator.uid, creator.handle)


def run_context(run_id: str, instant: str, **params: Any) -> Any:
    """Return the context of an operator.

    :param instant: the run's logical date
    :param params: changes to the params of the unit tests
    """
    at = datetime.fromisoformat(instant)
    dag_run = SimpleNamespace(run_id=run_id, logical_date=at, run_after=at, clear_number=0)
    ti = SimpleNamespace(xcom_push=lambda **_: None)
    return {"dag_run": dag_run, "params": {**PARAMS, **params}, "ti": ti}


@dataclass(frozen=True)
class Outcome:
    """States of a Dag run and its task instances (mapped ones as `task_id[map index]`)."""

    run_id: str
    state: str
    tasks: dict[str, str | None]


RunDag = Callable[..., Outcome]


@dataclass(frozen=True)
class Day:
    """A Dag run: its calls by route, its log, and the creators afterwards."""

    run_id: str
    state: str
    tasks: dict[str, str | None]
    searches: list[Row]
    fetched: list[str]
    """Identifiers of fetched profiles, in order."""
    log: str
    creators: dict[str, Row]

    def fetches_of(self, creator: Creator) -> list[str]:
        """Return the identifiers by which a creator was fetched, in order."""
        return [identifier for identifier in self.fetched if identifier in identifiers_of(creator)]


class World:
    """A creators' database and the sandbox, for runs of several days."""

    def __init__(self, run_dag: RunDag, sandbox: SandboxClient, database_url: str) -> None:
        self._run_dag = run_dag
        self.sandbox = sandbox
        self.database_url = database_url

    @property
    def database_name(self) -> str:
        """The name of the creators' database."""
        return str(psycopg.conninfo.conninfo_to_dict(self.database_url)["dbname"])

    def run(self, date: str, *rules: Row, hashtag: str = HASHTAG, clock: str | None = None, **conf: Any) -> Day:
        """Run the Dag for a date with fault rules.

        :param clock: the sandbox's time; by default 02:00 of the date
        """
        self.sandbox.set_clock(clock or f"{date}T02:00:00Z")
        self.sandbox.set_faults(*rules)
        self.sandbox.clear_calls()
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            outcome = self._run_dag(
                f"{date}T02:00:00+00:00", {"hashtags": [hashtag], "pages_per_hashtag": 1, "page_size": 20, **conf}
            )
        return Day(
            run_id=outcome.run_id,
            state=outcome.state,
            tasks=outcome.tasks,
            searches=self.sandbox.calls(SEARCH),
            fetched=[next(iter(call["params"].values())) for call in self.sandbox.calls(PROFILE)],
            log=written.getvalue(),
            creators={row["user_id"]: row for row in self.rows("select * from creators")},
        )

    def run_other(self, dag_id: str, logical_date: str | None = None, **conf: Any) -> tuple[Outcome, str]:
        """Run another Dag; return its outcome and its log."""
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            outcome = self._run_dag(logical_date, conf, dag_id)
        return outcome, written.getvalue()

    def rows(self, statement: str, *values: object) -> list[Row]:
        """Query the creators' database."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def history(self, creator: Creator, *columns: str) -> dict[str, Any]:
        """Return a creator's snapshots by date: one column, or a tuple of several."""
        snapshots = self.rows("select * from creator_stats where user_id = %s order by recorded_date", creator.uid)
        return {
            str(snapshot["recorded_date"]): snapshot[columns[0]]
            if len(columns) == 1
            else tuple(snapshot[column] for column in columns)
            for snapshot in snapshots
        }

    def contents(self) -> dict[str, list[str]]:
        """Return every row of the tables of facts and results as text."""
        return {
            name: [row["content"] for row in self.rows(f"select t::text as content from {name} as t order by 1")]
            for name in LASTING_TABLES
        }
