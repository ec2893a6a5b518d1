"""Random worlds and schedules of runs: the tables equal what an independent computation makes of the facts.

The computation below is written from the rules and not from the SQL: plain loops over all facts. It looks only at facts
and at the set of dates that were run, so its agreement shows that neither order nor repetition nor a crash matters.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql.builders import STEPS, Facts, Profile, Row, Video, day, forget_everything, noon

USERS = ("71", "72")
SEC_UIDS = {user_id: f"MS4wLjABAAAA-{user_id}" for user_id in USERS}
HASHTAGS = ("a", "b")
METRICS = ("follower_count", "heart_count", "video_count")
ATTRIBUTES = ("handle", "nickname", "avatar_url", "signature", "sec_uid")
LAST_DAY = 5


@dataclass(frozen=True)
class Landing:
    """One answer of TikHub, landed with a date: a page of a search, or a profile."""

    recorded_date: date
    observed_at: datetime
    hashtag: str = ""
    videos: tuple[Video, ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True)
class Request:
    """A run: what it lands, by which criteria it filters, and how many of its steps are done before it dies."""

    recorded_date: date
    landings: tuple[Landing, ...]
    hashtags: tuple[str, ...]
    min_followers: int
    min_video_views: int
    step_count: int


@dataclass(frozen=True)
class LegacySnapshot:
    """A row of creator_stats that an older installation left."""

    recorded_date: date
    follower_count: int
    heart_count: int
    daily_growth_followers: int
    daily_growth_percent: Decimal


@dataclass(frozen=True)
class LegacyCreator:
    """A creator that an older installation left, keyed by one of its two ids."""

    user_id: str
    is_keyed_by_sec_uid: bool
    handle: str
    last_updated_at: datetime
    snapshots: tuple[LegacySnapshot, ...]

    @property
    def key(self) -> str:
        return SEC_UIDS[self.user_id] if self.is_keyed_by_sec_uid else self.user_id


@dataclass(frozen=True)
class World:
    """A whole history; `repeats` are runs (by place) that are cleared after everything else."""

    timezone: str
    legacy: tuple[LegacyCreator, ...]
    requests: tuple[Request, ...]
    repeats: tuple[int, ...]


@dataclass(frozen=True)
class Sighting:
    """An account as one answer showed it; the last three fields order observations."""

    user_id: str
    counts: dict[str, int | None]
    attributes: dict[str, str | None]
    observed_at: datetime
    is_profile: bool
    number: int


@dataclass(frozen=True)
class Observation:
    """The counts of one instant."""

    order: tuple[datetime, bool, int]
    observed_date: date
    counts: dict[str, int | None]


@dataclass
class Model:
    """All facts so far, and the tables that follow from them."""

    timezone: ZoneInfo
    legacy: tuple[LegacyCreator, ...]
    landings: list[Landing] = field(default_factory=list)
    discoveries: set[tuple[date, str, str, str]] = field(default_factory=set)
    run_dates: set[date] = field(default_factory=set)

    def filter(self, request: Request) -> None:
        """Add what a run discovers in what is landed."""
        landed = [landing for landing in self.landings if landing.recorded_date == request.recorded_date]
        by_profile: dict[str, int] = {}
        for landing in sorted(landed, key=lambda landing: landing.observed_at):
            profile = landing.profile
            if profile is not None and profile.follower_count is not None:
                by_profile[profile.user_id] = profile.follower_count
        for hashtag in request.hashtags:
            pages = [landing for landing in landed if landing.hashtag == hashtag]
            by_search: dict[str, int] = {}
            for page in sorted(pages, key=lambda page: page.observed_at):
                for video in page.videos:
                    if video.follower_count is not None:
                        by_search[video.user_id] = video.follower_count
            for page in pages:
                for video in page.videos:
                    published_at = video.published_at or page.observed_at
                    count = by_search.get(video.user_id, by_profile.get(video.user_id))
                    if (
                        video.play_count is not None
                        and video.play_count >= request.min_video_views
                        and self.date_of(published_at) <= request.recorded_date
                        and count is not None
                        and request.min_followers <= count <= 100_000
                    ):
                        self.discoveries.add((request.recorded_date, video.user_id, video.video_id, hashtag))

    def date_of(self, instant: datetime) -> date:
        return instant.astimezone(self.timezone).date()

    def sightings(self) -> list[Sighting]:
        """Everything that was landed about accounts, in the order of landing."""
        found: list[Sighting] = []
        for landing in self.landings:
            accounts: list[Video | Profile] = [*landing.videos]
            if landing.profile is not None and landing.profile.outcome == "found":
                accounts.append(landing.profile)
            for account in accounts:
                found.append(
                    Sighting(
                        user_id=account.user_id,
                        counts={metric: getattr(account, metric, None) for metric in METRICS},
                        attributes={attribute: getattr(account, attribute) for attribute in ATTRIBUTES},
                        observed_at=landing.observed_at,
                        is_profile=landing.profile is not None,
                        number=len(found),
                    )
                )
        return found

    def legacy_of(self, key: str) -> list[LegacyCreator]:
        """The rows of the older installation that stand under a key in the end."""
        moved = {s.user_id for s in self.sightings() if s.attributes["sec_uid"] == SEC_UIDS[s.user_id]}
        return [
            creator for creator in self.legacy if key == (creator.user_id if creator.user_id in moved else creator.key)
        ]

    def tracked_since(self) -> dict[str, date]:
        """The first day of everybody in `creators`."""
        first_days: dict[str, date] = {}
        for recorded_date, user_id, _, _ in self.discoveries:
            first_days[user_id] = min(recorded_date, first_days.get(user_id, date.max))
        for key in (*USERS, *SEC_UIDS.values()):
            for legacy in self.legacy_of(key):
                days = [snapshot.recorded_date for snapshot in legacy.snapshots]
                first_day = min(days, default=legacy.last_updated_at.date())
                first_days[key] = min(first_day, first_days.get(key, date.max))
        return first_days

    def creators(self) -> set[Row]:
        """(user_id, tracked_since, last_updated_at, attributes...), of each attribute the newest known value."""
        rows = set()
        for key, tracked_since in self.tracked_since().items():
            known = self.known_attributes(key)
            newest = [max(named(known, attribute), default=(None, None))[1] for attribute in ATTRIBUTES]
            rows.add((key, tracked_since, max(instant for instant, _, _ in known), *newest))
        return rows

    def known_attributes(self, key: str) -> list[tuple[datetime, str, str | None]]:
        """(instant, attribute, value) of everything that was ever said about an account."""
        said = [
            (sighting.observed_at, attribute, value)
            for sighting in self.sightings()
            if sighting.user_id == key
            for attribute, value in sighting.attributes.items()
        ]
        return said + [(legacy.last_updated_at, "handle", legacy.handle) for legacy in self.legacy_of(key)]

    def handles(self) -> set[Row]:
        """(user_id, handle, first_seen_at, last_seen_at)."""
        instants = defaultdict(list)
        for key in self.tracked_since():
            for instant, handle in named(self.known_attributes(key), "handle"):
                instants[key, handle].append(instant)
        return {(key, handle, min(seen), max(seen)) for (key, handle), seen in instants.items()}

    def observations(self, key: str) -> list[Observation]:
        """What counts for a creator's snapshots, in order."""
        first_day = self.tracked_since()[key]
        known = [
            Observation(
                (sighting.observed_at, sighting.is_profile, sighting.number),
                self.date_of(sighting.observed_at),
                sighting.counts,
            )
            for sighting in self.sightings()
            if sighting.user_id == key and self.date_of(sighting.observed_at) >= first_day
        ]
        for legacy in self.legacy_of(key):
            for snapshot in legacy.snapshots:
                counts = {
                    "follower_count": snapshot.follower_count or None,
                    "heart_count": snapshot.heart_count or None,
                    "video_count": None,
                }
                known.append(Observation((noon(snapshot.recorded_date), False, 0), snapshot.recorded_date, counts))
        return sorted(known, key=lambda observation: observation.order)

    def value(self, key: str, metric: str, on: date) -> tuple[int, str] | None:
        """A metric of a creator on a date that was run, and how it is known."""
        known = [
            (observation.observed_date, count)
            for observation in self.observations(key)
            if (count := observation.counts[metric]) is not None
        ]
        same_day = [count for at, count in known if at == on]
        earlier = [(at, count) for at, count in known if at < on]
        later = [(at, count) for at, count in known if at > on]
        if same_day:
            return same_day[-1], "observed"
        if earlier and later:
            last_date, then = max(earlier, key=lambda pair: pair[0])
            then = [count for at, count in earlier if at == last_date][-1]
            next_date = min(at for at, _ in later)
            coming = next(count for at, count in later if at == next_date)
            share = Fraction((on - last_date).days, (next_date - last_date).days)
            return round_half_away(then + (coming - then) * share), "estimated"
        if later and any(found[:2] == (on, key) for found in self.discoveries):
            next_date = min(at for at, _ in later)
            return next(count for at, count in later if at == next_date), "late"
        return None

    def creator_stats(self) -> set[Row]:
        """(user_id, date, three counts, growth, percent, basis, gap_days)."""
        return {(key, *row) for key in self.tracked_since() for row in self.snapshots_of(key)}

    def snapshots_of(self, key: str) -> list[Row]:
        imported = {snapshot.recorded_date: snapshot for legacy in self.legacy_of(key) for snapshot in legacy.snapshots}
        rows: list[Row] = []
        previous: tuple[date, int] | None = None
        for on in sorted(self.run_dates | set(imported)):
            snapshot = imported.get(on)
            followers = self.value(key, "follower_count", on) if on in self.run_dates else None
            if followers is not None:
                count, basis = followers
                others = [self.value(key, metric, on) for metric in METRICS[1:]]
                counts: list[int | None] = [
                    other[0] if other and (basis != "observed" or other[1] == "observed") else None for other in others
                ]
            elif snapshot is not None:
                count, basis = snapshot.follower_count, "observed"
                counts = [snapshot.heart_count, None]
            else:
                continue
            is_kept = on not in self.run_dates and (previous is None or previous[0] not in self.run_dates)
            if snapshot is not None and is_kept:
                growth: Row = (snapshot.daily_growth_followers, snapshot.daily_growth_percent)
                gap_days = None
            else:
                gap_days, growth = growth_since(previous, on, count)
            rows.append((on, count, *counts, *growth, basis, gap_days))
            previous = (on, count)
        return rows


def named(known: list[tuple[datetime, str, str | None]], attribute: str) -> list[tuple[datetime, str]]:
    """What is known of one attribute, and since when."""
    return [(instant, value) for instant, name, value in known if name == attribute and value is not None]


def growth_since(previous: tuple[date, int] | None, on: date, count: int) -> tuple[int | None, Row]:
    """gap_days, and growth and percent per day."""
    if previous is None:
        return None, (0, Decimal(0))
    then_on, then = previous
    gap_days = (on - then_on).days
    percent = None
    if then:
        hundredths = round_half_away(Fraction(10_000 * (count - then), then * gap_days))
        percent = Decimal(hundredths) / 100
    return gap_days, (round_half_away(Fraction(count - then, gap_days)), percent)


def round_half_away(number: Fraction) -> int:
    """The nearest integer, the one farther from zero when there are two."""
    sign = -1 if number < 0 else 1
    doubled = abs(number) * 2
    if doubled.denominator == 1:
        return sign * int((Decimal(int(doubled)) / 2).quantize(Decimal(1), ROUND_HALF_UP))
    return sign * round(abs(number))


def instants(recorded_date: date) -> st.SearchStrategy[datetime]:
    """When an answer for a date may have been read: on it or late; never at noon, which imports have for themselves."""
    lags = st.sampled_from([0, 0, 0, 0, 1, 2, 4])
    hours = st.sampled_from([1, 7, 14, 23])
    midnight = noon(recorded_date) - timedelta(hours=12)
    return st.builds(lambda lag, hour: midnight + timedelta(days=lag, hours=hour), lags, hours)


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Any]:
    """What an answer says about an account besides counts."""
    user_id = draw(st.sampled_from(USERS))
    return {
        "user_id": user_id,
        "handle": draw(st.sampled_from(["ada", "bob", "eve", None])),
        "nickname": draw(st.sampled_from(["N", None])),
        "signature": draw(st.sampled_from(["S", None, None])),
        "sec_uid": draw(st.sampled_from([None, None, SEC_UIDS[user_id]])),
    }


videos = st.builds(
    lambda account, **counts: Video(**account, **counts),
    accounts(),
    video_id=st.sampled_from(["v1", "v2"]),
    play_count=st.sampled_from([50_000, 50_000, 2**40, 49_999, None]),
    follower_count=st.sampled_from([None, None, 9_999, 10_000, 20_001, 33_333, 77_777, 100_000, 100_001, 2**40]),
    published_at=st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), None, noon(day(3)), noon(day(5))]),
)
profiles = st.builds(
    lambda account, **counts: Profile(**account, **counts),
    accounts(),
    follower_count=st.sampled_from([None, 0, 1, 15_000, 88_888, 100_000, 2**41 + 1]),
    heart_count=st.sampled_from([None, None, 0, 7, 2**33]),
    video_count=st.sampled_from([None, None, 0, 3]),
)


@st.composite
def landings(draw: st.DrawFn, recorded_date: date) -> Landing:
    observed_at = draw(instants(recorded_date))
    if draw(st.integers(0, 2)):
        hashtag = draw(st.sampled_from(HASHTAGS))
        page = draw(st.lists(videos, min_size=1, max_size=3))
        return Landing(recorded_date, observed_at, hashtag, tuple(page))
    return Landing(recorded_date, observed_at, profile=draw(profiles))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    recorded_date = day(draw(st.integers(0, LAST_DAY)))
    return Request(
        recorded_date=recorded_date,
        landings=tuple(draw(st.lists(landings(recorded_date), max_size=4))),
        hashtags=draw(st.sampled_from([("a",), ("b",), ("a", "b"), ("a", "b")])),
        min_followers=draw(st.sampled_from([10_000, 10_000, 30_000, 0])),
        min_video_views=draw(st.sampled_from([50_000, 50_000, 0])),
        step_count=draw(st.sampled_from([3, 3, 3, 3, 2, 1, 0])),
    )


legacy_snapshots = st.builds(
    LegacySnapshot,
    recorded_date=st.integers(-2, LAST_DAY + 1).map(day),
    follower_count=st.sampled_from([0, 9_000, 40_001]),
    heart_count=st.sampled_from([0, 12]),
    daily_growth_followers=st.just(-5),
    daily_growth_percent=st.just(Decimal("1.25")),
)
legacy_creators = st.builds(
    LegacyCreator,
    user_id=st.sampled_from(USERS),
    is_keyed_by_sec_uid=st.booleans(),
    handle=st.sampled_from(["ada", "old"]),
    last_updated_at=st.integers(-2, LAST_DAY).map(lambda number: noon(day(number))),
    snapshots=st.lists(legacy_snapshots, max_size=3, unique_by=lambda snapshot: snapshot.recorded_date).map(tuple),
)
worlds = st.builds(
    World,
    timezone=st.sampled_from(["UTC", "UTC", "Asia/Tokyo", "America/New_York"]),
    legacy=st.lists(legacy_creators, max_size=2, unique_by=lambda creator: creator.user_id).map(tuple),
    requests=st.lists(requests(), min_size=1, max_size=7).map(tuple),
    repeats=st.lists(st.integers(0, 6), max_size=2).map(tuple),
)


def live_through(world: World, facts: Facts) -> Model:
    """Let a world happen in the database; the model gets its facts only."""
    model = Model(ZoneInfo(world.timezone), world.legacy)
    for legacy in world.legacy:
        import_legacy(legacy, facts)

    def execute(place: int, step_count: int) -> None:
        request = world.requests[place]
        for name in STEPS[:step_count]:
            facts.step(name, f"run {place}")
            if name == "filter_comets":
                model.filter(request)
            if name == "record_growth":
                model.run_dates.add(request.recorded_date)

    for place, request in enumerate(world.requests):
        facts.accept(
            run_id=f"run {place}",
            recorded_date=request.recorded_date,
            timezone=world.timezone,
            hashtags=request.hashtags,
            min_followers=request.min_followers,
            min_video_views=request.min_video_views,
        )
        for landing in request.landings:
            if landing.profile is None:
                facts.land_page(
                    *landing.videos,
                    recorded_date=landing.recorded_date,
                    observed_at=landing.observed_at,
                    hashtag=landing.hashtag,
                )
            else:
                facts.land_profile(landing.profile, landing.recorded_date, landing.observed_at)
            model.landings.append(landing)
        execute(place, request.step_count)
    broken = [place for place, request in enumerate(world.requests) if request.step_count < len(STEPS)]
    for place in (*broken, *(place for place in world.repeats if place < len(world.requests))):
        execute(place, len(STEPS))
    return model


def import_legacy(legacy: LegacyCreator, facts: Facts) -> None:
    """Rows of an older installation as setup_database.sql leaves them (see test_setup.py)."""
    creator = {
        "key": legacy.key,
        "handle": legacy.handle,
        "at": legacy.last_updated_at,
        "since": min((s.recorded_date for s in legacy.snapshots), default=legacy.last_updated_at.date()),
    }
    facts.connection.execute(
        """
        insert into creators (user_id, handle, last_updated_at, handle_observed_at, tracked_since, is_gathered)
        values (%(key)s, %(handle)s, %(at)s, %(at)s, %(since)s, true)
        """,
        creator,
    )
    facts.connection.execute("insert into comet_handles values (%(key)s, %(handle)s, %(at)s, %(at)s)", creator)
    for snapshot in legacy.snapshots:
        facts.connection.execute(
            """
            with imported as (
                insert into creator_stats (
                    user_id, recorded_date, follower_count, heart_count, daily_growth_followers,
                    daily_growth_percent, basis
                )
                values (%(key)s, %(date)s, %(followers)s, %(hearts)s, %(growth)s, %(percent)s, 'observed')
                returning id
            )

            insert into comet_observations (
                source, item_id, user_id, observed_at, observed_date, follower_count, heart_count
            )
            select 'import', id, %(key)s, %(at)s, %(date)s, nullif(%(followers)s, 0), nullif(%(hearts)s, 0)
            from imported
            """,
            {
                "key": legacy.key,
                "at": noon(snapshot.recorded_date),
                "date": snapshot.recorded_date,
                "followers": snapshot.follower_count,
                "hearts": snapshot.heart_count,
                "growth": snapshot.daily_growth_followers,
                "percent": snapshot.daily_growth_percent,
            },
        )


@settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    # The fixture's database is emptied at the start of each example.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds)
def test_tables_are_a_function_of_facts(connection: psycopg.Connection[Row], world: World) -> None:
    forget_everything(connection)
    facts = Facts(connection)
    model = live_through(world, facts)
    assert set(facts.rows("select recorded_date from comet_run_dates")) == {(on,) for on in model.run_dates}
    assert set(facts.rows("select recorded_date, user_id, video_id, hashtag from comet_discoveries")) == (
        model.discoveries
    )
    assert (
        set(
            facts.rows(
                "select user_id, tracked_since, last_updated_at, handle, nickname, avatar_url, signature, sec_uid "
                "from creators"
            )
        )
        == model.creators()
    )
    assert set(facts.rows("select user_id, handle, first_seen_at, last_seen_at from comet_handles")) == model.handles()
    assert (
        set(
            facts.rows(
                "select user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, "
                "daily_growth_percent, basis, gap_days from creator_stats"
            )
        )
        == model.creator_stats()
    )
    assert facts.rows("select 1 from comet_stale_dates union all select 1 from comet_moves") == []
