"""Random worlds: what TikHub answers on each day, which runs read it, and where those runs crash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.steps.builders import Profile, Video, day, noon

USERS = ("71", "72", "73")
SEC_UIDS = {user_id: f"MS4wLjABAAAA-{user_id}" for user_id in USERS}
HASHTAGS = ("a", "b")
LAST_DAY = 5
UNREAD = ("refused", "no_account", "failed")


@dataclass(frozen=True)
class Landing:
    """One answer of TikHub, landed with a date: a page of a search, or a profile."""

    recorded_date: date
    observed_at: datetime
    hashtag: str = ""
    videos: tuple[Video, ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True)
class Crash:
    """A run dies before a step, or in its transaction after `statement_count` statements.

    `wait` is how many other runs start before it resumes; a run that `is_cleared` starts again with its first step.
    With `is_check` the check after the roll call stops the run instead, and passes when it resumes.
    """

    is_check: bool
    step: int
    statement_count: int
    wait: int
    is_cleared: bool


@dataclass(frozen=True)
class Request:
    """A run: what it lands before its filter and in its roll call, and its criteria.

    A run whose every hashtag failed `is_without_search`: it filters nothing, but its roll call runs.
    """

    recorded_date: date
    is_live: bool
    is_without_search: bool
    landings: tuple[Landing, ...]
    roll_call: tuple[Landing, ...]
    hashtags: tuple[str, ...]
    min_followers: int
    max_followers: int
    min_video_views: int
    crashes: tuple[Crash, ...]


@dataclass(frozen=True)
class LegacySnapshot:
    """A row of creator_stats that an older installation left."""

    recorded_date: date
    follower_count: int | None
    heart_count: int | None
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
    """A whole history; its runs may be repeated at the end, possibly on a later day, when none of them is live.

    A check has `stopped` a run before the others, and it does not resume: what it landed counts only if another run
    records its date.
    """

    timezone: str
    legacy: tuple[LegacyCreator, ...]
    stopped: Request
    requests: tuple[Request, ...]
    is_repeated: bool
    is_cleared_later: bool


@dataclass(frozen=True)
class Absence:
    """Days on which TikHub does not show an account."""

    user_id: str
    first_day: date
    last_day: date

    def covers(self, user_id: str, instant: datetime) -> bool:
        return self.user_id == user_id and self.first_day <= instant.date() <= self.last_day


Absences = tuple[Absence, ...]


def is_absent(absences: Absences, user_id: str, instant: datetime) -> bool:
    return any(absence.covers(user_id, instant) for absence in absences)


@st.composite
def instants(draw: st.DrawFn, recorded_date: date, is_live: bool) -> datetime:
    """Draw when an answer for a date is read: at odd hours, some on dates that are run later."""
    lag = draw(st.sampled_from([0, 0, 0, 0, 0, 1] if is_live else [0, 1, 1, 2, 4]))
    hour = draw(st.sampled_from([1, 2, 7, 12, 14, 17, 23]))
    return noon(recorded_date) - timedelta(hours=12) + timedelta(days=lag, hours=hour)


def identity(user_id: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw the attributes of an account; handles change back and forth."""
    return st.fixed_dictionaries(
        {
            "user_id": st.just(user_id),
            "handle": st.sampled_from(["ada", "bob", "eve", None]),
            "nickname": st.sampled_from(["N", "M", None]),
            "avatar_url": st.sampled_from(["a.jpg", "b.jpg", None]),
            "signature": st.sampled_from(["S", None, None]),
            "sec_uid": st.sampled_from([None, None, None, SEC_UIDS[user_id]]),
        }
    )


PLAYS = st.sampled_from([50_000, 50_000, 50_000, 50_000, 2**40, 49_999, None])
SEARCH_COUNTS = st.sampled_from(
    [None, None, None, 9_999, 10_000, 20_001, 20_001, 20_002, 33_333, 77_777, 100_000, 100_001, 2**40]
)
PROFILE_COUNTS = st.sampled_from([None, 0, 1, 15_000, 20_002, 20_003, 40_000, 88_888, 100_000, 250_000, 2**41 + 1])
PUBLISHED = st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), None, noon(day(3)), noon(day(LAST_DAY))])


@st.composite
def videos(draw: st.DrawFn, user_id: str) -> Video:
    return Video(
        **draw(identity(user_id)),
        video_id=draw(st.sampled_from(["v1", "v2", "v3", "v4"])),
        play_count=draw(PLAYS),
        like_count=draw(st.sampled_from([1_000, 2_000, 0, None])),
        comment_count=draw(st.sampled_from([10, 10, 0, None])),
        share_count=draw(st.sampled_from([5, 5, 0, None])),
        follower_count=draw(SEARCH_COUNTS),
        published_at=draw(PUBLISHED),
    )


@st.composite
def profiles(draw: st.DrawFn, user_id: str, is_absent: bool) -> Profile:
    """Draw the outcome of fetching an account; one that TikHub shows may fail too."""
    outcome = draw(st.sampled_from(UNREAD if is_absent else ("found",) * 9 + UNREAD))
    if outcome != "found":
        return Profile(user_id, outcome=outcome)
    return Profile(
        **draw(identity(user_id)),
        follower_count=draw(PROFILE_COUNTS),
        heart_count=draw(st.sampled_from([None, 0, 7, 2**33])),
        video_count=draw(st.sampled_from([None, 0, 3])),
    )


@st.composite
def landings(draw: st.DrawFn, recorded_date: date, is_live: bool, absences: Absences) -> Landing:
    """Draw a page of a search, or the profile of an author whose count a search left unknown."""
    observed_at = draw(instants(recorded_date, is_live))
    if draw(st.sampled_from([False, False, True])):
        user_id = draw(st.sampled_from(USERS))
        answer = draw(profiles(user_id, is_absent(absences, user_id, observed_at)))
        return Landing(recorded_date, observed_at, profile=answer)
    shown = [user_id for user_id in USERS if not is_absent(absences, user_id, observed_at)]
    authors = draw(st.lists(st.sampled_from(shown), min_size=1, max_size=3)) if shown else []
    page = tuple(draw(videos(user_id)) for user_id in authors)
    return Landing(recorded_date, observed_at, draw(st.sampled_from(HASHTAGS)), page)


@st.composite
def qualifying_pages(draw: st.DrawFn, recorded_date: date, absences: Absences) -> Landing:
    """Draw a page whose authors qualify by all usual criteria."""
    observed_at = draw(instants(recorded_date, is_live=True))
    authors = draw(st.sampled_from([USERS, USERS, USERS[:2], USERS[:1]]))
    page = [
        Video(**draw(identity(user_id)), follower_count=draw(st.sampled_from([10_000, 20_001, 77_777])))
        for user_id in authors
        if not is_absent(absences, user_id, observed_at)
    ]
    return Landing(recorded_date, observed_at, HASHTAGS[0], tuple(page))


@st.composite
def roll_calls(
    draw: st.DrawFn, recorded_date: date, is_live: bool, absences: Absences, legacy_keys: tuple[str, ...]
) -> tuple[Landing, ...]:
    """Draw the outcomes of a roll call of all accounts, some or none; a key that is a sec_uid is never found."""
    observed_at = draw(instants(recorded_date, is_live))
    all_keys = (*USERS, *(key for key in legacy_keys if key not in USERS))
    fetched = draw(st.sampled_from([all_keys, all_keys, all_keys, all_keys[:1], all_keys[1:], ()]))
    return tuple(
        Landing(
            recorded_date,
            observed_at,
            profile=draw(profiles(key, is_absent(absences, key, observed_at)))
            if key in USERS
            else Profile(key, outcome=draw(st.sampled_from(UNREAD))),
        )
        for key in fetched
    )


crashes = st.builds(
    Crash,
    is_check=st.sampled_from([False, False, True]),
    step=st.integers(0, 3),
    statement_count=st.integers(0, 16),
    wait=st.integers(0, 3),
    is_cleared=st.booleans(),
)


@st.composite
def requests(
    draw: st.DrawFn, recorded_date: date, is_first: bool, absences: Absences, legacy_keys: tuple[str, ...]
) -> Request:
    is_live = draw(st.booleans())
    has_qualifying_page = is_first or draw(st.sampled_from([False, False, True]))
    pages = (draw(qualifying_pages(recorded_date, absences)),) if has_qualifying_page else ()
    return Request(
        recorded_date=recorded_date,
        is_live=is_live,
        is_without_search=draw(st.sampled_from([False] * 5 + [True])),
        landings=(*pages, *draw(st.lists(landings(recorded_date, is_live, absences), max_size=3))),
        roll_call=draw(roll_calls(recorded_date, is_live, absences, legacy_keys)),
        hashtags=draw(st.sampled_from([("a",), ("b",), HASHTAGS, HASHTAGS])),
        min_followers=draw(st.sampled_from([10_000, 10_000, 30_000, 0])),
        max_followers=draw(st.sampled_from([100_000, 100_000, 30_000, 2**40])),
        min_video_views=draw(st.sampled_from([50_000, 50_000, 0])),
        crashes=draw(st.sampled_from([0, 0, 1, 2]).flatmap(lambda count: st.tuples(*[crashes] * count))),
    )


@st.composite
def absent_accounts(draw: st.DrawFn) -> Absence:
    first = draw(st.integers(0, LAST_DAY - 2))
    length = draw(st.sampled_from([2, 3, 10, 10]))
    return Absence(draw(st.sampled_from(USERS)), day(first), day(first + length - 1))


legacy_snapshots = st.builds(
    LegacySnapshot,
    recorded_date=st.integers(-1, LAST_DAY - 1).map(day),
    follower_count=st.sampled_from([None, 0, 9_000, 40_001]),
    heart_count=st.sampled_from([None, 0, 12]),
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
any_days = st.lists(st.integers(0, LAST_DAY), min_size=1, max_size=6)
days_in_order = st.integers(3, LAST_DAY + 1).map(lambda count: list(range(count)))
days_backwards = days_in_order.map(lambda days: days[::-1])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    legacy = tuple(draw(st.lists(legacy_creators, max_size=3, unique_by=lambda creator: creator.key)))
    absences = tuple(draw(st.lists(absent_accounts(), min_size=1, max_size=3)))
    days = draw(st.one_of(any_days, days_in_order, days_backwards))
    keys = tuple(creator.key for creator in legacy)
    return World(
        timezone=draw(st.sampled_from(["UTC", "UTC", "Asia/Tokyo", "America/New_York"])),
        legacy=legacy,
        stopped=draw(requests(day(draw(st.integers(0, LAST_DAY))), True, absences, ())),
        requests=tuple(draw(requests(day(number), place == 0, absences, keys)) for place, number in enumerate(days)),
        is_repeated=draw(st.booleans()),
        is_cleared_later=draw(st.booleans()),
    )
