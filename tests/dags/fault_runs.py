"""Dag runs in which many hashtags and profiles fail, each with another fault."""

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
    FAILING_PROFILES,
    FATAL_CELLS,
    FINAL,
    KINDS,
    OFFSETS,
    PAGE_SIZE,
    PASSING,
    PERMANENT,
)
from tests.dags.worlds import PROFILE, SEARCH, Day, Row, World, cast, identifiers_of, page_of
from tests.secret_scan import database_texts

DATE = "2026-03-01"
CONF: dict[str, Any] = {"pages_per_hashtag": 3, "page_size": PAGE_SIZE}
CAST_HASHTAG = "the_cast"
HIDDEN_HASHTAG = "the_hidden"


@dataclass
class RecordedOutput:
    """Log lines, exceptions of tasks, and contents of Airflow's database."""

    logs: list[str] = field(default_factory=list)
    exceptions: list[BaseException] = field(default_factory=list)
    metadata: dict[str, set[str]] = field(default_factory=dict)

    def keep_metadata(self) -> None:
        """Record Airflow's database, which drops a run when its date runs again."""
        for place, texts in database_texts(POSTGRES.url("airflow")).items():
            self.metadata.setdefault(place, set()).update(texts)


@contextmanager
def recorded_output() -> Iterator[RecordedOutput]:
    """Record all logs at DEBUG and all exceptions of tasks."""
    written = RecordedOutput()
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
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
    """Return every try of every task of a run."""
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
    """A run, its failing creators by fault, and its calls and task instances."""

    world: World
    day: Day
    hashtags: list[str]
    calls: list[Row]
    instances: list[Row]
    in_roll_call: dict[str, Creator]
    hidden: dict[str, Creator]

    def state(self, hashtag: str) -> str | None:
        """Return the state of a hashtag's search task."""
        return self.day.tasks[f"extract_videos[{self.hashtags.index(hashtag)}]"]

    def tries(self, hashtag: str) -> list[Row]:
        """Return the tries of a hashtag's search task in order."""
        index = self.hashtags.index(hashtag)
        return [row for row in self.instances if (row["task_id"], row["map_index"]) == ("extract_videos", index)]

    def searched(self, hashtag: str) -> list[tuple[int, int, bool | None]]:
        """Return offset, count and billing of a hashtag's searches, as the sandbox logged them."""
        return [
            (int(call["params"]["offset"]), int(call["params"]["count"]), call["billed"])
            for call in self.calls
            if call["params"].get("keyword") == hashtag
        ]

    def profile_billing(self, creator: Creator) -> list[bool | None]:
        """Return whether the sandbox billed each call for a profile, in order."""
        identifiers = identifiers_of(creator)
        return [call["billed"] for call in self.calls if {*call["params"].values()} & {*identifiers}]

    def ledger(self, **conditions: Any) -> list[tuple[Any, ...]]:
        """Return status, billing and error class of calls in the ledger."""
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
        """Return a hashtag's landed rows without ids."""
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
    """Return the hashtag for a fault and place."""
    return re.sub(r"\W", "_", f"{place or 'once'} {name}").casefold()


def search_rule(name: str, hashtag: str, offset: int, **changes: Any) -> Row:
    """Return a rule by which a page of a hashtag fails."""
    return {"route": SEARCH, "keyword": hashtag, "offset": offset, **KINDS[name].rule, **changes}


def profile_rules(name: str, creator: Creator, *, is_once: bool) -> list[Row]:
    """Return rules by which a profile fails, once or always by every identifier."""
    rule = {"route": PROFILE, **KINDS[name].rule}
    if is_once:
        return [{**rule, "account": creator.sec_uid, "times": 1}]
    return [{**rule, "account": identifier} for identifier in identifiers_of(creator)]


def _between_healthy_ones(names: list[str], creators: list[Creator]) -> dict[str, Creator]:
    # In fetch order, so that no two in a row fail.
    return dict(zip(names, sorted(creators, key=lambda creator: creator.uid)[::2], strict=True))


def faulty_run(
    world: World, hashtags: list[str], rules: list[Row], profiles: list[str], *, is_once: bool, is_calm: bool = False
) -> FaultyRun:
    """Run the Dag with failing searches, and with failing profiles in the roll call and of hidden authors.

    :param is_calm: whether nothing fails
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
    """Run with each page and profile failing once per fault; without failures if calm."""
    rules = [search_rule(name, searching(name), offset, times=1) for name in PASSING for offset in OFFSETS.values()]
    profiles = [name for name, kind in PASSING.items() if kind.of_profile != "no account"]
    return faulty_run(world, [searching(name) for name in PASSING], rules, profiles, is_once=True, is_calm=is_calm)


def always(world: World) -> FaultyRun:
    """Run with one page of each hashtag, and profiles, failing always."""
    rules = [search_rule(name, searching(name, place), OFFSETS[place]) for name, place in PERMANENT]
    hashtags = [searching(name, place) for name, place in PERMANENT]
    return faulty_run(world, hashtags, rules, [*FAILING_PROFILES], is_once=False)


@dataclass
class FatalRun:
    """A run that one response stops."""

    day: Day
    calls: list[Row]
    ledger: list[Row]
    instances: list[Row]


def fatal_runs(world: World) -> Iterator[FatalRun]:
    """Yield a run for each of FATAL_CELLS; the first of three hashtags or creators meets the fault."""
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


def invalid_requests(world: World) -> FaultyRun:
    """Run with profile requests rejected as invalid, in the roll call and of hidden authors."""
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
