"""The tables as they follow from the facts: written from the rules, in plain loops over everything that is known.

It sees facts and the set of dates that were run, never an order of runs, so a database that agrees with it owes nothing
to order, repetition or crashes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo

from tests.sql.builders import Profile, Row, Video, noon
from tests.sql.worlds import SEC_UIDS, USERS, Landing, LegacyCreator, Request

METRICS = ("follower_count", "heart_count", "video_count")
ATTRIBUTES = ("handle", "nickname", "avatar_url", "signature", "sec_uid")
KEYS = (*USERS, *SEC_UIDS.values())


@dataclass
class Discovery:
    """By which counts a creator was found with a video and a hashtag, and how wide the band was at most."""

    follower_count: int
    play_count: int
    max_followers: int


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
        """All answers to questions for a profile, the earliest first."""
        by_time = sorted(self.landings, key=lambda landing: landing.observed_at)
        return [(landing, landing.profile) for landing in by_time if landing.profile is not None]

    def filter(self, request: Request) -> None:
        """Add what a run discovers in what is landed."""
        for hashtag in request.hashtags:
            pages = [
                landing
                for landing in sorted(self.landings, key=lambda landing: landing.observed_at)
                if landing.recorded_date == request.recorded_date and landing.hashtag == hashtag
            ]
            plays: dict[tuple[str, str], int] = {}
            by_search: dict[str, int] = {}
            for page in pages:
                for video in page.videos:
                    if video.follower_count is not None:
                        by_search[video.user_id] = video.follower_count
                    if video.play_count is not None and self.is_qualifying(video, page, request):
                        key = (video.user_id, video.video_id)
                        plays[key] = max(video.play_count, plays.get(key, 0))
            for (user_id, video_id), play_count in plays.items():
                count = by_search.get(user_id)
                if count is None:
                    count = self.count_by_profile(user_id, request)
                if count is not None and request.min_followers <= count <= request.max_followers:
                    found = Discovery(count, play_count, request.max_followers)
                    known = self.discoveries.setdefault((request.recorded_date, user_id, video_id, hashtag), found)
                    known.max_followers = max(known.max_followers, request.max_followers)

    def is_qualifying(self, video: Video, page: Landing, request: Request) -> bool:
        published_on = self.date_of(video.published_at or page.observed_at)
        return (video.play_count or 0) >= request.min_video_views and published_on <= request.recorded_date

    def count_by_profile(self, user_id: str, request: Request) -> int | None:
        """The count that judges an author of whom the search gave none."""
        asked = [(landing, profile) for landing, profile in self.outcomes() if profile.user_id == user_id]
        of_the_date = [profile for landing, profile in asked if landing.recorded_date == request.recorded_date]
        if of_the_date or request.is_live:
            known = [profile.follower_count for profile in of_the_date if profile.follower_count is not None]
            return known[-1] if known else None
        beginning = datetime.combine(request.recorded_date, time(), self.timezone)
        answers = [
            profile.follower_count
            for landing, profile in asked
            if landing.observed_at >= beginning and profile.outcome in ("found", "no_account")
        ]
        return answers[0] if answers else None


@dataclass(frozen=True)
class Tables:
    """What the facts make of the tables."""

    history: History

    @cached_property
    def discoveries(self) -> set[Row]:
        """(date, user_id, video_id, hashtag, follower_count, play_count, max_followers)."""
        return {
            (*key, found.follower_count, found.play_count, found.max_followers)
            for key, found in self.history.discoveries.items()
        }

    @cached_property
    def sightings(self) -> list[Sighting]:
        """Everything that was landed about accounts, in the order of landing."""
        found: list[Sighting] = []
        for landing in self.history.landings:
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

    @cached_property
    def legacy(self) -> dict[str, list[LegacyCreator]]:
        """The rows of the older installation by the key under which they stand in the end."""
        moved = {s.user_id for s in self.sightings if s.attributes["sec_uid"] == SEC_UIDS[s.user_id]}
        rows: dict[str, list[LegacyCreator]] = {key: [] for key in KEYS}
        for creator in self.history.legacy:
            rows[creator.user_id if creator.user_id in moved else creator.key].append(creator)
        return rows

    @cached_property
    def tracked_since(self) -> dict[str, date]:
        """The first day of everybody in `creators`."""
        first_days: dict[str, date] = {}
        for recorded_date, user_id, _, _ in self.history.discoveries:
            first_days[user_id] = min(recorded_date, first_days.get(user_id, date.max))
        for key in KEYS:
            for legacy in self.legacy[key]:
                days = [snapshot.recorded_date for snapshot in legacy.snapshots]
                first_day = min(days, default=legacy.last_updated_at.date())
                first_days[key] = min(first_day, first_days.get(key, date.max))
        return first_days

    @cached_property
    def creators(self) -> set[Row]:
        """(user_id, tracked_since, status, last_updated_at, attributes...), each attribute the newest known one."""
        rows = set()
        for key, tracked_since in self.tracked_since.items():
            known = self.known_attributes(key)
            newest = [max(named(known, attribute), default=(None, None))[1] for attribute in ATTRIBUTES]
            rows.add((key, tracked_since, self.status(key), max(instant for instant, _, _ in known), *newest))
        return rows

    def known_attributes(self, key: str) -> list[tuple[datetime, str, str | None]]:
        """(instant, attribute, value) of everything that was ever said about an account."""
        said = [
            (sighting.observed_at, attribute, value)
            for sighting in self.sightings
            if sighting.user_id == key
            for attribute, value in sighting.attributes.items()
        ]
        return said + [(legacy.last_updated_at, "handle", legacy.handle) for legacy in self.legacy[key]]

    def status(self, key: str) -> str:
        """How a creator stands."""
        known = [
            count
            for observation in self.observations[key]
            if (count := observation.counts["follower_count"]) is not None
        ]
        bands = [
            found.max_followers for (_, user_id, _, _), found in self.history.discoveries.items() if user_id == key
        ]
        if len(self.failed_dates(key)) >= 3:
            return "missing"
        if known and known[-1] > max(bands or self.history.bands):
            return "graduated"
        return "tracked"

    def failed_dates(self, key: str) -> set[date]:
        """The dates since it was last seen on which TikHub could not show the account, though it showed others."""
        date_of = self.history.date_of
        outcomes = self.history.outcomes()
        answered = {landing.recorded_date for landing, profile in outcomes if profile.outcome == "found"}
        own = [(landing, profile.outcome) for landing, profile in outcomes if profile.user_id == key]
        seen = [date_of(landing.observed_at) for landing, outcome in own if outcome == "found"]
        seen += [observation.observed_date for observation in self.observations[key]]
        return {
            date_of(landing.observed_at)
            for landing, outcome in own
            if outcome in ("refused", "no_account") or (outcome == "failed" and landing.recorded_date in answered)
            if date_of(landing.observed_at) > max(seen, default=date.min)
        }

    @cached_property
    def handles(self) -> set[Row]:
        """(user_id, handle, first_seen_at, last_seen_at)."""
        instants = defaultdict(list)
        for key in self.tracked_since:
            for instant, handle in named(self.known_attributes(key), "handle"):
                instants[key, handle].append(instant)
        return {(key, handle, min(seen), max(seen)) for (key, handle), seen in instants.items()}

    @cached_property
    def observations(self) -> dict[str, list[Observation]]:
        """What counts for each creator's snapshots, in order."""
        return {key: self.observations_of(key) for key in self.tracked_since}

    def observations_of(self, key: str) -> list[Observation]:
        date_of = self.history.date_of
        known = [
            Observation(
                (sighting.observed_at, sighting.is_profile, sighting.number),
                date_of(sighting.observed_at),
                sighting.counts,
            )
            for sighting in self.sightings
            if sighting.user_id == key
            and date_of(sighting.observed_at) >= self.tracked_since[key]
            and any(count is not None for count in sighting.counts.values())
        ]
        for legacy in self.legacy[key]:
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
            for observation in self.observations[key]
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
        if later and any(found[:2] == (on, key) for found in self.history.discoveries):
            next_date = min(at for at, _ in later)
            return next(count for at, count in later if at == next_date), "late"
        return None

    @cached_property
    def unread_imports(self) -> set[tuple[str, date]]:
        """(user_id, date) of the imported rows whose 0 is unknown, as no reading or estimate has replaced it."""
        return {
            (key, snapshot.recorded_date)
            for key in self.tracked_since
            for legacy in self.legacy[key]
            for snapshot in legacy.snapshots
            if not snapshot.follower_count
            and (
                snapshot.recorded_date not in self.history.run_dates
                or self.value(key, "follower_count", snapshot.recorded_date) is None
            )
        }

    @cached_property
    def creator_stats(self) -> set[Row]:
        """(user_id, date, three counts, growth, percent, basis, gap_days)."""
        return {(key, *row) for key in self.tracked_since for row in self.snapshots_of(key)}

    def snapshots_of(self, key: str) -> list[Row]:
        run_dates = self.history.run_dates
        imported = {snapshot.recorded_date: snapshot for legacy in self.legacy[key] for snapshot in legacy.snapshots}
        rows: list[Row] = []
        previous: tuple[date, int] | None = None
        for on in sorted(run_dates | set(imported)):
            snapshot = imported.get(on)
            followers = self.value(key, "follower_count", on) if on in run_dates else None
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
            is_unread = (key, on) in self.unread_imports
            is_kept = on not in run_dates and (previous is None or previous[0] not in run_dates)
            if snapshot is not None and (is_kept or is_unread):
                growth: Row = (snapshot.daily_growth_followers, snapshot.daily_growth_percent)
                gap_days = None
            else:
                gap_days, growth = growth_since(None if basis == "late" else previous, on, count)
            rows.append((on, count, *counts, *growth, basis, gap_days))
            if basis != "late" and not is_unread:
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
