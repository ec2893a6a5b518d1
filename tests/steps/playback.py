"""Play a random world in a database: accept its runs, land its answers, execute their steps, crash and resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from tests.steps.builders import PARAMETERS, Facts, statements
from tests.steps.model import History
from tests.steps.worlds import Crash, Landing, LegacyCreator, Request, World

FIRST_STEP_AFTER_SEARCH = 2
STEPS = ("filter_comets", "upsert_creators", "upsert_creators", "record_growth", "score_creators")
"""As in the Dag; between the two upserts the roll call lands and is checked."""


class Playback:
    """A world in progress; `history` collects its facts only."""

    def __init__(self, world: World, facts: Facts, on_scored: Callable[[History, date], None]) -> None:
        """Start before the first run.

        :param on_scored: called after each scoring with the facts so far and the scored date
        """
        self._on_scored = on_scored
        facts.timezone = world.timezone
        self.history = History(ZoneInfo(world.timezone), world.legacy)
        self._world = world
        self._facts = facts
        self._requests = list(world.requests)
        self._landed_roll_calls: set[int] = set()

    def play(self) -> None:
        """Execute all runs until they are finished; a crashed one resumes after some others have started."""
        for legacy in self._world.legacy:
            import_legacy(legacy, self._facts)
        self._start("stopped", self._world.stopped)
        for name in STEPS[:FIRST_STEP_AFTER_SEARCH]:
            self._facts.step(name, "stopped")
            self._record(name, self._world.stopped)
        self._check("stopped", is_stopped=True)
        waiting = [(place, place, 0, request.crashes) for place, request in enumerate(self._requests)]
        started: set[int] = set()
        while waiting:
            turn, place, step, crashes = waiting.pop(waiting.index(min(waiting, key=lambda attempt: attempt[:2])))
            if place not in started:
                started.add(place)
                self._start(f"run {place}", self._requests[place])
            crash = crashes[0] if crashes else None
            reached = self._execute(place, step, crash)
            if crash is not None and reached < len(STEPS):
                next_step = 0 if crash.is_cleared else reached
                waiting.append((turn + crash.wait, place, next_step, crashes[1:]))

    def clear_all(self, *, backwards: bool = False) -> None:
        """Execute all runs again, those without a search included; nothing new is landed."""
        if self._world.is_cleared_later:
            self._requests = [replace(request, is_live=False) for request in self._requests]
            self._facts.connection.execute("update comet_runs set is_live = false where is_live")
        self._requests = [replace(request, is_without_search=False) for request in self._requests]
        places = range(len(self._requests))
        for place in reversed(places) if backwards else places:
            self._execute(place, 0, None)

    def _start(self, run_id: str, request: Request) -> None:
        self._facts.accept(
            run_id=run_id,
            recorded_date=request.recorded_date,
            timezone=self._world.timezone,
            hashtags=request.hashtags,
            min_followers=request.min_followers,
            max_followers=request.max_followers,
            min_video_views=request.min_video_views,
            is_live=request.is_live,
        )
        self.history.bands.append(request.max_followers)
        for landing in request.landings:
            self._land(landing, run_id)

    def _execute(self, place: int, first_step: int, crash: Crash | None) -> int:
        """Execute a run's steps from `first_step`; return the step at which it stopped, or the number of steps."""
        request = self._requests[place]
        if request.is_without_search:
            first_step = max(first_step, FIRST_STEP_AFTER_SEARCH)
        for step in range(first_step, len(STEPS)):
            if step == FIRST_STEP_AFTER_SEARCH:
                self._land_roll_call(place)
                is_stopped = crash is not None and crash.is_check
                self._check(f"run {place}", is_stopped=is_stopped)
                if is_stopped:
                    return step
            if crash is not None and not crash.is_check and step >= crash.step:
                self._crash(STEPS[step], f"run {place}", crash.statement_count)
                return step
            self._facts.step(STEPS[step], f"run {place}")
            self._record(STEPS[step], request)
        return len(STEPS)

    def _crash(self, name: str, run_id: str, statement_count: int) -> None:
        """Roll a step's transaction back after some statements, at the latest before its commit."""
        with self._facts.connection.transaction(force_rollback=True):
            for statement in statements(name)[:statement_count]:
                self._facts.connection.execute(statement, {"run_id": run_id, **PARAMETERS})

    def _record(self, name: str, request: Request) -> None:
        if name == "filter_comets":
            self.history.filter(request)
        if name == "record_growth":
            self.history.run_dates.add(request.recorded_date)
        if name == "score_creators":
            self._on_scored(self.history, request.recorded_date)

    def _land_roll_call(self, place: int) -> None:
        if place not in self._landed_roll_calls:
            self._landed_roll_calls.add(place)
            for landing in self._requests[place].roll_call:
                self._land(landing, "landing")

    def _check(self, run_id: str, *, is_stopped: bool) -> None:
        """Store the result of the check after the roll call: whether the run may publish its date."""
        self._facts.connection.execute(
            """
            insert into comet_quality_checks as existing (run_id, check_name, is_failed, message)
            values (%s, 'roll_call.answered', %s, '')
            on conflict (run_id, check_name) do update set is_failed = excluded.is_failed
            where existing.is_failed <> excluded.is_failed
            """,
            [run_id, is_stopped],
        )

    def _land(self, landing: Landing, run_id: str) -> None:
        if landing.profile is None:
            self._facts.land_page(
                *landing.videos,
                recorded_date=landing.recorded_date,
                observed_at=landing.observed_at,
                hashtag=landing.hashtag,
                run_id=run_id,
            )
        else:
            self._facts.land_profile(landing.profile, landing.recorded_date, landing.observed_at)
        self.history.landings.append(landing)


def import_legacy(legacy: LegacyCreator, facts: Facts) -> None:
    """Insert the rows of an older installation as setup_database.sql leaves them."""
    creator = {"key": legacy.key, "handle": legacy.handle, "at": legacy.last_updated_at}
    facts.connection.execute(
        "insert into creators (user_id, handle, last_updated_at, handle_observed_at) "
        "values (%(key)s, %(handle)s, %(at)s, %(at)s)",
        creator,
    )
    facts.connection.execute("insert into comet_handles values (%(key)s, %(handle)s, %(at)s)", creator)
    for snapshot in legacy.snapshots:
        facts.connection.execute(
            """
            insert into creator_stats (
                user_id, recorded_date, follower_count, heart_count, daily_growth_followers, daily_growth_percent
            )
            values (%s, %s, %s, %s, %s, %s)
            """,
            [legacy.key, *vars(snapshot).values()],
        )
        facts.connection.execute(
            "insert into comet_dates values (%s, false) on conflict do nothing", [snapshot.recorded_date]
        )
