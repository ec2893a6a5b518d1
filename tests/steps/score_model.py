"""A ranking computed from snapshots and landed videos at one moment: the definitions in plain loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from statistics import median

from tests.steps.builders import WEIGHTS, Row, Video
from tests.steps.model import History, round_half_away
from tests.steps.worlds import Landing

PARTS = tuple(WEIGHTS)
SHARES = {part: Fraction(str(weight)) for part, weight in WEIGHTS.items()}
MAX_GAP_DAYS = 7


@dataclass(frozen=True)
class Snapshot:
    """A row of creator_stats; an imported one has no instant."""

    on: date
    count: int | None
    basis: str
    counted_at: datetime | None

    @property
    def is_imported(self) -> bool:
        return self.basis == "observed" and self.counted_at is None

    @property
    def is_known(self) -> bool:
        """Whether the count is known: not an imported 0 or null."""
        return bool(self.count) or not self.is_imported


@dataclass
class Metrics:
    """The metrics of a creator on a date; `parts` are the values that are ranked."""

    snapshot: Snapshot
    status: str
    parts: dict[str, float | None]
    growth_days: int
    video_count: int
    growth_rate: float | None
    percentiles: dict[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranking:
    """The comet_scores of a date, from the current rows of creator_stats and statuses."""

    on: date
    history: History
    stats: Iterable[Row]
    statuses: dict[str, str]

    @cached_property
    def rows(self) -> set[Row]:
        """(user_id, date of the count, score, is_low_confidence, values, percentiles), floats as nine digits."""
        places = {key: self.metrics(key) for key in self.snapshots}
        ranked = {key: metrics for key, metrics in places.items() if metrics is not None}
        for is_graduated in (False, True):
            rank([metrics for metrics in ranked.values() if (metrics.status == "graduated") is is_graduated])
        return {(key, metrics.snapshot.on, *scored(metrics)) for key, metrics in ranked.items()}

    @cached_property
    def snapshots(self) -> dict[str, list[Snapshot]]:
        """The known snapshots of each creator up to the date, the newest first."""
        found: dict[str, list[Snapshot]] = defaultdict(list)
        for key, on, count, basis, counted_at in self.stats:
            snapshot = Snapshot(on, count, basis, counted_at)
            if snapshot.is_known and on <= self.on:
                found[key].append(snapshot)
        return {key: sorted(rows, key=lambda row: row.on, reverse=True) for key, rows in found.items()}

    def metrics(self, key: str) -> Metrics | None:
        """Return the metrics of a creator, or None if it has no place."""
        newest, *earlier = self.snapshots[key]
        is_old = (self.on - newest.on).days > MAX_GAP_DAYS
        if newest.basis == "late" or is_old or self.statuses[key] == "missing" or newest.count is None:
            return None
        measured = [snapshot for snapshot in earlier if snapshot.basis != "late"]
        growth, growth_days = growth_over(newest, measured, 7)
        if growth is None:
            growth, growth_days = growth_over(newest, measured, 1)
        videos = self.sample(key)
        readings = [snapshot for snapshot in measured if snapshot.basis == "observed"]
        acceleration = acceleration_of([newest, *readings[:2]]) if newest.basis == "observed" else None
        count = newest.count
        parts = {
            "growth": growth,
            "acceleration": None if acceleration is None or not count else acceleration / count,
            "engagement": engagement(videos),
            "reach": median(plays(videos)) / count if videos and count else None,
            "breakout": None,
        }
        has_growth = measured and not newest.is_imported
        growth_rate = rate_between(measured[0], newest, 1) if has_growth else None
        return Metrics(newest, self.statuses[key], parts, growth_days, len(videos), growth_rate)

    def sample(self, key: str) -> list[Video]:
        """Return the newest reading with views of each video that was read in the 30 days up to the date."""
        newest: dict[str, tuple[Row, Video]] = {}
        for number, (landing, video) in enumerate(self.video_readings):
            read_on = self.history.date_of(landing.observed_at)
            is_recent = self.on - timedelta(days=29) <= read_on <= self.on
            if video.user_id == key and video.play_count is not None and is_recent:
                order = (landing.observed_at, video.play_count, number)
                if video.video_id not in newest or order > newest[video.video_id][0]:
                    newest[video.video_id] = (order, video)
        return [video for _, video in newest.values()]

    @cached_property
    def video_readings(self) -> list[tuple[Landing, Video]]:
        """The videos of the searches of dates that were run."""
        landings = [landing for landing in self.history.landings if landing.recorded_date in self.history.run_dates]
        return [(landing, video) for landing in landings for video in landing.videos]


def days_between(earlier: Snapshot, later: Snapshot) -> Fraction:
    """Return the days between two instants, or between two dates where one of the rows was imported."""
    if earlier.counted_at is None or later.counted_at is None:
        return Fraction((later.on - earlier.on).days)
    return Fraction((later.counted_at - earlier.counted_at) // timedelta(microseconds=1), 86_400_000_000)


def growth_over(snapshot: Snapshot, earlier: list[Snapshot], day_count: int) -> tuple[float | None, int]:
    """The compounded rate per day since the latest snapshot n to 1.5 n days before, and the days between the dates."""
    for base in earlier:
        days = (snapshot.on - base.on).days
        is_far_enough = days_between(base, snapshot) >= Fraction(day_count, 2)
        if day_count <= days <= Fraction(3, 2) * day_count and is_far_enough:
            rate = rate_between(base, snapshot, day_count)
            return rate, 0 if rate is None else days
    return None, 0


def rate_between(base: Snapshot, snapshot: Snapshot, day_count: int) -> float | None:
    """Return the compounded daily rate; None from 0 followers, or less than half of the window apart."""
    elapsed = days_between(base, snapshot)
    if not base.count or elapsed < Fraction(day_count, 2):
        return None
    return float(((snapshot.count or 0) / base.count) ** float(1 / elapsed)) - 1


def acceleration_of(snapshots: list[Snapshot]) -> float | None:
    """Return the change of followers per day between two spans of readings, per day between their middles.

    It is 0 within rounding of whole followers, and None over a span of more than ten days.
    """
    if len(snapshots) < 3 or any(
        (later.on - earlier.on).days > MAX_GAP_DAYS + 3 for later, earlier in pairwise(snapshots)
    ):
        return None
    (gain, days), (gain_before, days_before) = (
        (Fraction((later.count or 0) - (earlier.count or 0)), days_between(earlier, later))
        for later, earlier in pairwise(snapshots)
    )
    difference = gain / days - gain_before / days_before
    is_noise = abs(difference) <= 1 / days + 1 / days_before
    return 0 if is_noise else float(difference * 2 / (days + days_before))


def plays(videos: list[Video]) -> list[int]:
    return [video.play_count for video in videos if video.play_count is not None]


def engagement(videos: list[Video]) -> float | None:
    """Return interactions over views of the videos that have views and all three counts."""
    interactions = views = 0
    for video in videos:
        counts = (video.like_count, video.comment_count, video.share_count)
        if video.play_count and None not in counts:
            interactions += sum(count or 0 for count in counts)
            views += video.play_count
    return interactions / views if views else None


def rank(peers: list[Metrics]) -> None:
    """Set the percentile of each known part among the creators of a list."""
    for part in PARTS:
        known = [six_digits(value) for metrics in peers if (value := metrics.parts[part]) is not None]
        for metrics in peers:
            value = metrics.parts[part]
            if value is not None:
                below = sum(other < six_digits(value) for other in known)
                same = sum(other == six_digits(value) for other in known)
                metrics.percentiles[part] = Fraction(2 * below + same, 2 * len(known))


def six_digits(value: float) -> float:
    """Return a value in six digits, as it is ranked."""
    return float(f"{value:.5e}")


def scored(metrics: Metrics) -> Row:
    """Return the score of ranked metrics, its parts and percentiles."""
    known_weight = sum(SHARES[part] for part in metrics.percentiles)
    points = sum(SHARES[part] * percentile for part, percentile in metrics.percentiles.items())
    is_low_confidence = (
        metrics.snapshot.basis != "observed"
        or metrics.growth_days < 7
        or metrics.video_count < 3
        or known_weight < Fraction(7, 10)
    )
    score = Decimal(round_half_away(10_000 * points / known_weight)) / 100 if known_weight else None
    values = [nine_digits(metrics.parts[part]) for part in PARTS]
    growth_rate = nine_digits(metrics.growth_rate)
    return (
        score,
        is_low_confidence,
        growth_rate,
        *values,
        *[nine_digits(metrics.percentiles.get(part)) for part in PARTS],
    )


def nine_digits(value: float | Fraction | None) -> str | None:
    """Return a value as text without the noise of its last bits."""
    return None if value is None else f"{float(value) + 0:.9g}"
