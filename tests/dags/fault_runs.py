"""Runs of the Dag in which many hashtags and profiles fail, each in its own way."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from comets.calls.retry_policy import CallRetryPolicy
from include.sandbox.creators import Creator
from tests.conftest import POSTGRES
from tests.dags.fault_table import (
    DATE_OF_FATAL_RUNS,
    EVER,
    FATAL_CELLS,
    FINAL,
    KINDS,
    OFFSETS,
    PAGE_SIZE,
    PASSING,
)
from tests.dags.worlds import PROFILE, SEARCH, Day, Row, World, cast, identifiers_of, page_of
from tests.secret_scan import database_texts

DATE = "2026-03-01"
CONF: dict[str, Any] = {"pages_per_hashtag": 3, "page_size": PAGE_SIZE}
CAST_HASHTAG = "the_cast"
HIDDEN_HASHTAG = "the_hidden"


@dataclass
class Written:
    """All that was logged, every exception that a retry policy saw, and what Airflow had in its database."""

    logs: list[str] = field(default_factory=list)
    exceptions: list[BaseException] = field(default_factory=list)
    metadata: dict[str, set[str]] = field(default_factory=dict)

    def keep_metadata(self) -> None:
        """Take down Airflow's database as it is now: it forgets a run when its date is run again."""
        for place, texts in database_texts(POSTGRES.url("airflow")).items():
            self.metadata.setdefault(place, set()).update(texts)


@contextmanager
def everything_written() -> Iterator[Written]:
    """Take down logs at DEBUG, by whatever library, and exceptions of tasks."""
    written = Written()
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # The sandbox works in this process too, and may say what it likes.
            if not record.name.startswith("uvicorn"):
                written.logs.append(formatter.format(record))

    evaluate = CallRetryPolicy.evaluate

    def observed(self: CallRetryPolicy, exception: BaseException, *arguments: Any, **options: Any) -> Any:
        written.exceptions.append(exception)
        return evaluate(self, exception, *arguments, **options)

    recorder, root = Recorder(logging.DEBUG), logging.getLogger()
    level = root.level
    root.addHandler(recorder)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CallRetryPolicy, "evaluate", observed)
            yield written
    finally:
        root.removeHandler(recorder)
        root.setLevel(level)
        logging.getLogger("urllib3").setLevel(logging.NOTSET)


def metadata_rows(statement: str, *values: object) -> list[Row]:
    """Query Airflow's own database."""
    with psycopg.connect(POSTGRES.url("airflow"), row_factory=dict_row) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def task_instances(run_id: str) -> list[Row]:
    """Every try of every task of a run, which Airflow forgets when the date is run again."""
    return metadata_rows(
        """
        select task_id, map_index, try_number, state, retry_reason from task_instance_history where run_id = %s
        union all
        select task_id, map_index, try_number, state, retry_reason from task_instance where run_id = %s
        order by task_id, map_index, try_number
        """,
        run_id,
        run_id,
    )


@dataclass
class FaultyRun:
    """A run, its creators that fail by kind, and what was seen of it from outside."""

    world: World
    day: Day
    hashtags: list[str]
    calls: list[Row]
    instances: list[Row]
    in_roll_call: dict[str, Creator]
    hidden: dict[str, Creator]

    def state(self, hashtag: str) -> str | None:
        """How the search of a hashtag ended in Airflow."""
        return self.day.tasks[f"extract_videos[{self.hashtags.index(hashtag)}]"]

    def tries(self, hashtag: str) -> list[Row]:
        """The task instance's tries in their order: state and the reason that Airflow has stored with it."""
        index = self.hashtags.index(hashtag)
        return [row for row in self.instances if (row["task_id"], row["map_index"]) == ("extract_videos", index)]

    def searched(self, hashtag: str) -> list[tuple[int, int, bool | None]]:
        """The searches of a hashtag as the sandbox got them: offset, count, and whether it bills them."""
        return [
            (int(call["params"]["offset"]), int(call["params"]["count"]), call["billed"])
            for call in self.calls
            if call["params"].get("keyword") == hashtag
        ]

    def asked(self, creator: Creator) -> list[bool | None]:
        """Whether the sandbox bills the calls for a profile, in their order."""
        identifiers = identifiers_of(creator)
        return [call["billed"] for call in self.calls if {*call["params"].values()} & {*identifiers}]

    def ledger(self, **conditions: Any) -> list[tuple[Any, ...]]:
        """Calls in the ledger: status, whether billed, error class."""
        wanted = " and ".join(f"{name} = %s" for name in conditions)
        return [
            (row["status_code"], row["is_billed"], row["error_type"])
            for row in self.world.rows(
                f"select * from comet_calls where run_id = %s and {wanted} order by call_id",
                self.day.run_id,
                *conditions.values(),
            )
        ]

    def landed(self, hashtag: str) -> dict[str, list[Row]]:
        """What a hashtag has in the tables, without numbers of rows."""
        tables = {
            "pages": "select page_offset, page.next_offset, received_count, landed_count, rejected_count, observed_at",
            "videos": "select page_offset, item_position, video_id, play_count, user_id, follower_count, is_tagged",
            "rejected": "select page_offset, item_position, reason, raw_json",
        }
        joins = {"pages": "", "videos": "join comet_videos using (page_id)"}
        found = {
            name: self.world.rows(
                f"{columns} from comet_searches join comet_pages as page using (search_id)"
                f" {joins.get(name, 'join comet_rejected_items using (page_id)')} where hashtag = %s order by 1, 2",
                hashtag,
            )
            for name, columns in tables.items()
        }
        found["discoveries"] = self.world.rows(
            "select user_id, video_id, follower_count, play_count from comet_discoveries where hashtag = %s order by 2",
            hashtag,
        )
        return found


def searching(name: str, place: str | None = None) -> str:
    """The hashtag of a cell."""
    return re.sub(r"\W", "_", f"{place or 'once'} {name}").casefold()


def search_rule(name: str, hashtag: str, offset: int, **changes: Any) -> Row:
    """A page of a hashtag goes wrong."""
    return {"route": SEARCH, "keyword": hashtag, "offset": offset, **KINDS[name].rule, **changes}


def profile_rules(name: str, creator: Creator, *, is_once: bool) -> list[Row]:
    """A profile goes wrong, once or by whatever it is asked for."""
    rule = {"route": PROFILE, **KINDS[name].rule}
    if is_once:
        return [{**rule, "account": creator.sec_uid, "times": 1}]
    return [{**rule, "account": identifier} for identifier in identifiers_of(creator)]


def _between_healthy_ones(names: list[str], creators: list[Creator]) -> dict[str, Creator]:
    # In the order in which they are asked for, so that no two in a row fail.
    return dict(zip(names, sorted(creators, key=lambda creator: creator.uid)[::2], strict=True))


def faulty_run(
    world: World, hashtags: list[str], rules: list[Row], profiles: list[str], *, is_once: bool, is_calm: bool = False
) -> FaultyRun:
    """Run the Dag for hashtags of which pages fail by these rules, and two more of creators whose profile fails: found
    with their follower count, so that the roll call asks for them, and without it.

    :param is_calm: nothing fails
    """
    players = cast(4 * len(profiles))
    shown, unknown = players[: 2 * len(profiles)], players[2 * len(profiles) :]
    in_roll_call, hidden = _between_healthy_ones(profiles, shown), _between_healthy_ones(profiles, unknown)
    pages = [
        page_of(*shown, hashtag=CAST_HASHTAG) | {"offset": 0},
        page_of(hidden=unknown, hashtag=HIDDEN_HASHTAG) | {"offset": 0},
        *(page_of(hashtag=name) for name in (CAST_HASHTAG, HIDDEN_HASHTAG)),
    ]
    wrong = [
        rule
        for failing in (in_roll_call, hidden)
        for name, creator in failing.items()
        for rule in profile_rules(name, creator, is_once=is_once)
    ]
    everything = [*hashtags, CAST_HASHTAG, HIDDEN_HASHTAG]
    day = world.run(DATE, *pages, *([] if is_calm else [*rules, *wrong]), hashtags=everything, **CONF)
    return _seen(world, day, everything, in_roll_call, hidden)


def _seen(
    world: World, day: Day, hashtags: list[str], in_roll_call: dict[str, Creator], hidden: dict[str, Creator]
) -> FaultyRun:
    calls = world.sandbox.calls()
    return FaultyRun(world, day, hashtags, calls, task_instances(day.run_id), in_roll_call, hidden)


def once(world: World, *, is_calm: bool = False) -> FaultyRun:
    """Every page of every kind's hashtag, and a profile of each kind, fail once; or nothing does."""
    rules = [search_rule(name, searching(name), offset, times=1) for name in PASSING for offset in OFFSETS.values()]
    profiles = [name for name, kind in PASSING.items() if kind.of_profile != "no account"]
    return faulty_run(world, [searching(name) for name in PASSING], rules, profiles, is_once=True, is_calm=is_calm)


def for_ever(world: World) -> FaultyRun:
    """One page of every hashtag fails whenever it is asked for, and so do profiles."""
    rules = [search_rule(name, searching(name, place), OFFSETS[place]) for name, place in EVER]
    hashtags = [searching(name, place) for name, place in EVER]
    return faulty_run(world, hashtags, rules, [*PASSING], is_once=False)


@dataclass
class FatalRun:
    """A run in which one answer ends all calling."""

    day: Day
    calls: list[Row]
    ledger: list[Row]
    instances: list[Row]


def fatal_runs(world: World) -> Iterator[FatalRun]:
    """A run for each of FATAL_CELLS: whichever of three hashtags or creators comes first gets the answer."""
    players = cast(6)
    for number, (name, place, is_once) in enumerate(FATAL_CELLS):
        rule = KINDS[name].rule | ({"times": 1} if is_once else {})
        pages = [
            page_of(hidden=two, hashtag=hashtag) if place == "hidden author" else page_of(*two, hashtag=hashtag)
            for hashtag, two in zip("abc", (players[:2], players[2:4], players[4:]), strict=True)
        ]
        rules = (
            [{"route": SEARCH, "offset": OFFSETS[place], **rule}]
            if place in OFFSETS
            else [*pages, {"route": PROFILE, **rule}]
        )
        day = world.run(str(DATE_OF_FATAL_RUNS + timedelta(days=number)), *rules, hashtags=list("abc"), **CONF)
        ledger = world.rows("select * from comet_calls where run_id = %s order by call_id", day.run_id)
        yield FatalRun(day, world.sandbox.calls(), ledger, task_instances(day.run_id))


def wrong_requests(world: World) -> FaultyRun:
    """A run in which the request for some profiles is called wrong, once: in the roll call, and of one hidden author
    in each of several hashtags."""
    names = list(FINAL)
    players = cast(4 * len(names))
    in_roll_call = _between_healthy_ones(names, players[: 2 * len(names)])
    hidden = dict(zip(names, players[2 * len(names) :], strict=False))
    rules = [page_of(*players[: 2 * len(names)], hashtag=CAST_HASHTAG)]
    rules += [page_of(hidden=[creator], hashtag=searching(name)) for name, creator in hidden.items()]
    rules += [
        rule
        for failing in (in_roll_call, hidden)
        for name, creator in failing.items()
        for rule in profile_rules(name, creator, is_once=True)
    ]
    hashtags = [*map(searching, names), CAST_HASHTAG]
    day = world.run(DATE, *rules, hashtags=hashtags, pages_per_hashtag=1)
    return _seen(world, day, hashtags, in_roll_call, hidden)
