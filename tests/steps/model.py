"""The tables computed from the facts: the rules of the data in plain loops over all facts.

The model sees facts and the set of dates that were run, but no order of runs: a database that agrees with it does not
depend on order, repetition or crashes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo

from tests.steps.builders import Profile, Row, Video
from tests.steps.worlds import SEC_UIDS, USERS, Landing, LegacyCreator, LegacySnapshot, Request

COUNTS = ("follower_count", "heart_count", "video_count")
ATTRIBUTES = ("handle", "nickname", "avatar_url", "signature", "sec_uid")
KEYS = (*USERS, *SEC_UIDS.values())


@dataclass
class Discovery:
    """The counts and the instant of a discovery, and the widest band that included it."""

    follower_count: int
    play_count: int
    max_followers: int
    found_at: datetime


@dataclass(frozen=True)
class Reading:
    """An account as one answer shows it."""

    user_id: str
    recorded_date: date
    observed_at: datetime
    is_profile: bool
    counts: tuple[int | None, ...]
    attributes: dict[str, str | None]


@dataclass
class Day:
    """What was read of a creator on a date, and the instant of its follower count."""

    counts: list[int | None] = field(default_factory=lambda: [None, None, None])
    counted_at: datetime | None = None


@dataclass
class History:
    """All facts so far."""

    timezone: ZoneInfo
    legacy: tuple[LegacyCreator, ...]
    landings: list[Landing] = field(default_factory=list)
    discoveries: dict[tuple[date, str, str, str], Discovery] = field(default_factory=dict)
    run_dates: set[date] = field(default_factory=set)
    bands: list[int] = field(default_factory=list)

    def date_of(self, instant: datetime) -> date:
        return instant.astimezone(self.timezone).date()

    def outcomes(self) -> list[tuple[Landing, Profile]]:
        """Return all profile outcomes, the earliest first."""
        by_time = sorted(self.landings, key=lambda landing: landing.observed_at)
        return [(landing, landing.profile) for landing in by_time if landing.profile is not None]

    def filter(self, request: Request) -> None:
        """Add the discoveries of a run in what is landed."""
        for hashtag in request.hashtags:
            pages = [
                landing
                for landing in sorted(self.landings, key=lambda landing: landing.observed_at)
                if landing.recorded_date == request.recorded_date and landing.hashtag == hashtag
            ]
            plays: dict[tuple[str, str], int] = {}
            read_at: dict[tuple[str, str], datetime] = {}
            by_search: dict[str, tuple[int, datetime]] = {}
            for page in pages:
                for video in page.videos:
                    if video.follower_count is not None:
                        by_search[video.user_id] = (video.follower_count, page.observed_at)
                    if video.play_count is not None and self.is_qualifying(video, page, request):
                        key = (video.user_id, video.video_id)
                        plays[key] = max(video.play_count, plays.get(key, 0))
                        read_at.setdefault(key, page.observed_at)
            for (user_id, video_id), play_count in plays.items():
                author_count = by_search.get(user_id) or self.count_by_profile(user_id, request)
                if author_count is not None and request.min_followers <= author_count[0] <= request.max_followers:
                    found_at = max(read_at[user_id, video_id], author_count[1])
                    found = Discovery(author_count[0], play_count, request.max_followers, found_at)
                    known = self.discoveries.setdefault((request.recorded_date, user_id, video_id, hashtag), found)
                    known.max_followers = max(known.max_followers, request.max_followers)
                    known.found_at = min(known.found_at, found_at)

    def is_qualifying(self, video: Video, page: Landing, request: Request) -> bool:
        published_on = self.date_of(video.published_at or page.observed_at)
        return (video.play_count or 0) >= request.min_video_views and published_on <= request.recorded_date

    def count_by_profile(self, user_id: str, request: Request) -> tuple[int, datetime] | None:
        """Return the profile count of an author without a count in search, and its instant."""
        outcomes = [(landing, profile) for landing, profile in self.outcomes() if profile.user_id == user_id]
        of_the_date = [
            (landing, profile) for landing, profile in outcomes if landing.recorded_date == request.recorded_date
        ]
        if of_the_date or request.is_live:
            known = [
                (profile.follower_count, landing.observed_at)
                for landing, profile in of_the_date
                if profile.follower_count is not None
            ]
            return known[-1] if known else None
        beginning = datetime.combine(request.recorded_date, time(), self.timezone)
        answers = [
            (profile.follower_count, landing.observed_at)
            for landing, profile in outcomes
            if landing.observed_at >= beginning and profile.outcome in ("found", "no_account")
        ]
        count, instant = answers[0] if answers else (None, beginning)
        return None if count is None else (count, instant)


@dataclass(frozen=True)
class Tables:
    """The tables that follow from the facts."""

    history: History

    @cached_property
    def discoveries(self) -> set[Row]:
        """(date, user_id, video_id, hashtag, follower_count, play_count, max_followers, found_at)."""
        return {
            (*key, found.follower_count, found.play_count, found.max_followers, found.found_at)
            for key, found in self.history.discoveries.items()
        }

    @cached_property
    def readings(self) -> list[Reading]:
        """All landed readings of accounts, in the order of landing."""
        found: list[Reading] = []
        for landing in self.history.landings:
            accounts: list[Video | Profile] = [*landing.videos]
            if landing.profile is not None and landing.profile.outcome == "found":
                accounts.append(landing.profile)
            found += [
                Reading(
                    user_id=account.user_id,
                    recorded_date=landing.recorded_date,
                    observed_at=landing.observed_at,
                    is_profile=landing.profile is not None,
                    counts=tuple(getattr(account, name, None) for name in COUNTS),
                    attributes={attribute: getattr(account, attribute) for attribute in ATTRIBUTES},
                )
                for account in accounts
            ]
        return found

    @cached_property
    def legacy(self) -> dict[str, list[LegacyCreator]]:
        """The imported creators by their final key, the row of the numeric id first."""
        moved = {s.user_id for s in self.readings if s.attributes["sec_uid"] == SEC_UIDS[s.user_id]}
        rows: dict[str, list[LegacyCreator]] = {key: [] for key in KEYS}
        for creator in sorted(self.history.legacy, key=lambda creator: creator.is_keyed_by_sec_uid):
            rows[creator.user_id if creator.user_id in moved else creator.key].append(creator)
        return rows

    @cached_property
    def first_found_at(self) -> dict[str, datetime | None]:
        """The instant from which each creator is tracked; None for imported ones."""
        found: dict[str, datetime | None] = {}
        for (_, user_id, _, _), discovery in self.history.discoveries.items():
            earlier = found.get(user_id)
            found[user_id] = discovery.found_at if earlier is None else min(earlier, discovery.found_at)
        return found | {key: None for key in KEYS if self.legacy[key]}

    @cached_property
    def creators(self) -> set[Row]:
        """(user_id, first_found_at, date of it, status, last_updated_at, attributes..., their instants)."""
        rows = set()
        for key, found_at in self.first_found_at.items():
            known = self.known_attributes(key)
            newest = [max(named(known, attribute), default=(None, None)) for attribute in ATTRIBUTES]
            instants, values = zip(*newest, strict=True)
            tracked_since = None if found_at is None else self.history.date_of(found_at)
            updated_at = max(instant for instant, _, _ in known)
            rows.add((key, found_at, tracked_since, self.status(key), updated_at, *values, *instants))
        return rows

    def known_attributes(self, key: str) -> list[tuple[datetime, str, str | None]]:
        """Return (instant, attribute, value) of every reading of an account."""
        read_values = [
            (reading.observed_at, attribute, value)
            for reading in self.readings
            if reading.user_id == key
            for attribute, value in reading.attributes.items()
        ]
        return read_values + [(legacy.last_updated_at, "handle", legacy.handle) for legacy in self.legacy[key]]

    def status(self, key: str) -> str:
        """Return the status of a creator."""
        known = self.known_counts(key)
        bands = [
            found.max_followers for (_, user_id, _, _), found in self.history.discoveries.items() if user_id == key
        ]
        if len(self.failed_dates(key)) >= 3:
            return "missing"
        if known and known[max(known)] > max(bands or self.history.bands):
            return "graduated"
        return "tracked"

    def failed_dates(self, key: str) -> set[date]:
        """Return the dates since the last reading on which TikHub failed for the account but answered for others."""
        date_of = self.history.date_of
        outcomes = self.history.outcomes()
        answered = {date_of(landing.observed_at) for landing, profile in outcomes if profile.outcome == "found"}
        seen = [
            date_of(reading.observed_at)
            for reading in self.readings
            if reading.user_id == key and (reading.is_profile or reading.counts[0] is not None)
        ]
        failed = {
            date_of(landing.observed_at)
            for landing, profile in outcomes
            if profile.user_id == key and profile.outcome != "found"
        }
        return {on for on in failed & answered if on > max(seen, default=date.min)}

    @cached_property
    def handles(self) -> set[Row]:
        """(user_id, handle, first_seen_at)."""
        instants = defaultdict(list)
        for key in self.first_found_at:
            for instant, handle in named(self.known_attributes(key), "handle"):
                instants[key, handle].append(instant)
        return {(key, handle, min(seen)) for (key, handle), seen in instants.items()}

    def observed(self, key: str) -> dict[date, Day]:
        """Return the dates on which a creator's followers were read; each count is the last one known on the date."""
        date_of = self.history.date_of
        since = self.first_found_at[key]
        days: dict[date, Day] = defaultdict(Day)
        for reading in sorted(self.readings, key=lambda reading: (reading.observed_at, reading.is_profile)):
            on = date_of(reading.observed_at)
            is_tracked = since is None or on >= date_of(since)
            if reading.user_id == key and is_tracked and reading.recorded_date in self.history.run_dates:
                for place, count in enumerate(reading.counts):
                    if count is not None:
                        days[on].counts[place] = count
                if reading.counts[0] is not None:
                    days[on].counted_at = reading.observed_at
        return {on: day for on, day in days.items() if day.counted_at is not None}

    def imported(self, key: str) -> dict[date, LegacySnapshot]:
        """Return the imported rows that no reading replaces; of two on a date, that of the numeric id."""
        observed = self.observed(key)
        rows: dict[date, LegacySnapshot] = {}
        for legacy in self.legacy[key]:
            for snapshot in legacy.snapshots:
                if snapshot.recorded_date not in observed:
                    rows.setdefault(snapshot.recorded_date, snapshot)
        return rows

    def known_counts(self, key: str) -> dict[date, int]:
        """Return followers by date, without imported rows that have no count."""
        read = {on: day.counts[0] for on, day in self.observed(key).items()}
        imported = {on: snapshot.follower_count for on, snapshot in self.imported(key).items()}
        return {on: count for on, count in (read | imported).items() if count is not None and (count or on in read)}

    @cached_property
    def creator_stats(self) -> set[Row]:
        """(user_id, date, three counts, growth, percent, basis, instant to a second, gap_days)."""
        return {(key, *row) for key in self.first_found_at for row in self.snapshots_of(key)}

    def snapshots_of(self, key: str) -> list[Row]:
        observed, imported, known = self.observed(key), self.imported(key), self.known_counts(key)
        found_on = {on for on, user_id, _, _ in self.history.discoveries if user_id == key}
        rows: list[Row] = []
        previous: tuple[date, int] | None = None
        for on in sorted(self.history.run_dates | set(observed) | set(imported)):
            earlier = max((other for other in known if other < on), default=None)
            later = min((other for other in known if other > on), default=None)
            counts: list[int | None] = [None, None]
            counted_at = None
            if on in imported:
                stored = imported[on]
                growth = (stored.daily_growth_followers, stored.daily_growth_percent)
                rows.append((on, stored.follower_count, stored.heart_count, None, *growth, "observed", None, None))
                if on in known:
                    previous = (on, known[on])
                continue
            if on in observed:
                basis, count, counts, counted_at = (
                    "observed",
                    known[on],
                    observed[on].counts[1:],
                    observed[on].counted_at,
                )
            elif earlier is not None and later is not None:
                share = Fraction((on - earlier).days, (later - earlier).days)
                basis, count = "estimated", round_half_away(known[earlier] + (known[later] - known[earlier]) * share)
                if earlier in observed and later in observed:
                    counted_at = on_line(observed[earlier].counted_at, observed[later].counted_at, share)
            elif later is not None and on in found_on:
                basis, count = "late", known[later]
            else:
                continue
            gap_days, change = growth_since(None if basis == "late" else previous, on, count)
            rows.append((on, count, *counts, *change, basis, counted_at, gap_days))
            if basis != "late":
                previous = (on, count)
        return rows


def on_line(start: datetime | None, end: datetime | None, share: Fraction) -> datetime:
    """Return the instant at a share of the way between two, to a second."""
    assert start is not None
    assert end is not None
    return start + timedelta(seconds=round_half_away(Fraction((end - start) // timedelta(seconds=1)) * share))


def named(known: list[tuple[datetime, str, str | None]], attribute: str) -> list[tuple[datetime, str]]:
    """Return the known values of one attribute with their instants."""
    return [(instant, value) for instant, name, value in known if name == attribute and value is not None]


def growth_since(previous: tuple[date, int] | None, on: date, count: int) -> tuple[int | None, Row]:
    """Return gap_days, and growth and percent per day."""
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
    """Return the nearest integer, of two the one farther from zero."""
    sign = -1 if number < 0 else 1
    doubled = abs(number) * 2
    if doubled.denominator == 1:
        return sign * int((Decimal(int(doubled)) / 2).quantize(Decimal(1), ROUND_HALF_UP))
    return sign * round(abs(number))
