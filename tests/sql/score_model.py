"""Metrics and scores as they follow from snapshots and landed videos: written from the definitions, in plain loops."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import chain, pairwise
from statistics import median

from tests.sql.builders import WEIGHTS, Row, Video
from tests.sql.model import Tables, round_half_away
from tests.sql.worlds import Landing

PARTS = tuple(WEIGHTS)
SHARES = {part: Fraction(str(weight)) for part, weight in WEIGHTS.items()}


@dataclass(frozen=True)
class Snapshot:
    """A row of creator_stats."""

    on: date
    count: int
    is_observed: bool


@dataclass
class Figures:
    """What is known of a creator on a date; `parts` are the values that are compared with those of the others."""

    snapshot: Snapshot
    parts: dict[str, float | None]
    growth_days: int
    video_count: int
    percentiles: dict[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """What the facts make of comet_scores."""

    tables: Tables

    @cached_property
    def rows(self) -> set[Row]:
        """(date, user_id, score, is_low_confidence, five values, five percentiles), floats as nine digits."""
        found: set[Row] = set()
        for on in self.dates:
            of_the_date = {
                key: self.figures(key, snapshot)
                for key, snapshots in self.snapshots.items()
                for snapshot in snapshots
                if snapshot.on == on
            }
            rank(list(of_the_date.values()))
            found |= {(on, key, *scored(figures)) for key, figures in of_the_date.items()}
        return found

    @cached_property
    def dates(self) -> set[date]:
        """The dates that were run, and those of an older installation."""
        imported = {snapshot.recorded_date for legacy in self.tables.history.legacy for snapshot in legacy.snapshots}
        return self.tables.history.run_dates | imported

    @cached_property
    def snapshots(self) -> dict[str, list[Snapshot]]:
        """The snapshots of each creator that are measurements, the newest first; a late one is a label."""
        found: dict[str, list[Snapshot]] = defaultdict(list)
        for key, on, count, *_, basis, _ in self.tables.creator_stats:
            if basis != "late" and (key, on) not in self.tables.unread_imports:
                found[key].append(Snapshot(on, count, basis == "observed"))
        return {key: sorted(rows, key=lambda row: row.on, reverse=True) for key, rows in found.items()}

    def figures(self, key: str, snapshot: Snapshot) -> Figures:
        earlier = [other for other in self.snapshots[key] if other.on < snapshot.on]
        growth, growth_days = growth_over(snapshot, earlier, 7, 10)
        if growth is None:
            growth, growth_days = growth_over(snapshot, earlier, 1, 1)
        videos = self.sample(key, snapshot.on)
        readings = [other for other in earlier if other.is_observed]
        acceleration = accelerated([snapshot, *readings[:2]]) if snapshot.is_observed else None
        parts = {
            "growth": growth,
            "acceleration": None if acceleration is None or not snapshot.count else acceleration / snapshot.count,
            "engagement": engagement(videos),
            "reach": median(plays(videos)) / snapshot.count if videos and snapshot.count else None,
            "breakout": None,
        }
        return Figures(snapshot, parts, growth_days, len(videos))

    def sample(self, key: str, on: date) -> list[Video]:
        """The newest sighting with views of each video that was seen in the 30 days up to a date."""
        newest: dict[str, tuple[Row, Video]] = {}
        for number, (landing, video) in enumerate(self.sightings):
            seen_on = self.tables.history.date_of(landing.observed_at)
            if video.user_id != key or video.play_count is None or not on - timedelta(days=29) <= seen_on <= on:
                continue
            order = (landing.observed_at, video.play_count, number)
            if video.video_id not in newest or order > newest[video.video_id][0]:
                newest[video.video_id] = (order, video)
        return [video for _, video in newest.values()]

    @cached_property
    def sightings(self) -> list[tuple[Landing, Video]]:
        """The videos of the searches of dates that were run."""
        history = self.tables.history
        landings = [landing for landing in history.landings if landing.recorded_date in history.run_dates]
        return list(chain.from_iterable([(landing, video) for video in landing.videos] for landing in landings))


def growth_over(snapshot: Snapshot, earlier: list[Snapshot], least: int, most: int) -> tuple[float | None, int]:
    """The compounded daily rate since the latest snapshot so many days before, and the days between."""
    for start in earlier:
        days = (snapshot.on - start.on).days
        if least <= days <= most:
            return ((snapshot.count / start.count) ** (1 / days) - 1, days) if start.count else (None, 0)
    return None, 0


def accelerated(snapshots: list[Snapshot]) -> float | None:
    """The change of followers per day between two spans of readings, per day between their middles.

    It is 0 within what whole followers can tell, and unknown over a span of more than ten days.
    """
    if len(snapshots) < 3:
        return None
    gaps = [(later.on - earlier.on).days for later, earlier in pairwise(snapshots)]
    gains = [later.count - earlier.count for later, earlier in pairwise(snapshots)]
    if max(gaps) > 10:
        return None
    difference = Fraction(gains[0], gaps[0]) - Fraction(gains[1], gaps[1])
    is_noise = abs(difference) <= Fraction(1, gaps[0]) + Fraction(1, gaps[1])
    return 0 if is_noise else float(difference * 2 / sum(gaps))


def plays(videos: list[Video]) -> list[int]:
    return [video.play_count for video in videos if video.play_count is not None]


def engagement(videos: list[Video]) -> float | None:
    """Interactions over views, of the videos that have views and of which all three counts are known."""
    interactions = views = 0
    for video in videos:
        counts = (video.like_count, video.comment_count, video.share_count)
        if video.play_count and None not in counts:
            interactions += sum(count or 0 for count in counts)
            views += video.play_count
    return interactions / views if views else None


def rank(of_the_date: list[Figures]) -> None:
    """Give each known part its percentile among the creators of a date."""
    for part in PARTS:
        known = [six_digits(value) for figures in of_the_date if (value := figures.parts[part]) is not None]
        for figures in of_the_date:
            value = figures.parts[part]
            if value is not None:
                below = sum(other < six_digits(value) for other in known)
                same = sum(other == six_digits(value) for other in known)
                figures.percentiles[part] = Fraction(2 * below + same, 2 * len(known))


def six_digits(value: float) -> float:
    """A figure as it is compared."""
    return float(f"{value:.5e}")


def scored(figures: Figures) -> Row:
    """The score of ranked figures, and all that it is made of."""
    known_weight = sum(SHARES[part] for part in figures.percentiles)
    points = sum(SHARES[part] * percentile for part, percentile in figures.percentiles.items())
    is_low_confidence = (
        not figures.snapshot.is_observed
        or figures.growth_days < 7
        or figures.video_count < 3
        or known_weight < Fraction(7, 10)
    )
    score = Decimal(round_half_away(10_000 * points / known_weight)) / 100 if known_weight else None
    values = [nine_digits(figures.parts[part]) for part in PARTS]
    return (score, is_low_confidence, *values, *[nine_digits(figures.percentiles.get(part)) for part in PARTS])


def nine_digits(value: float | Fraction | None) -> str | None:
    """A figure as text without the noise of its last bits."""
    return None if value is None else f"{float(value) + 0:.9g}"
