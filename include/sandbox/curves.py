"""How counts move in time. Every curve is bounded and defined for any instant, so a demo works on any date."""

import math
from dataclasses import dataclass
from typing import Literal

from include.sandbox.dice import Dice

SECONDS_PER_DAY = 86_400
EPOCH = 1_735_689_600  # 2025-01-01T00:00:00Z, from which the days of all curves are counted

Trend = Literal["rising", "fast", "falling", "viral", "flat"]

_TRENDS: tuple[Trend, ...] = ("rising", "fast", "falling", "viral", "flat")
_TREND_WEIGHTS = (54, 18, 10, 10, 8)


def days_since_epoch(timestamp: float) -> float:
    """Return (fractional, possibly negative) days between the sandbox's epoch and a unix time."""
    return (timestamp - EPOCH) / SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class FollowerCurve:
    """Followers swing between `low` and `low * ratio`, rising for `rise_share` of each period.

    A long rise with a short fall makes a growing creator, the reverse a shrinking one, a very short rise one
    that goes viral again and again, and a ratio of 1 one that never moves.
    """

    trend: Trend
    low: float
    ratio: float
    period_days: float
    rise_share: float
    phase: float
    weekly_swing: float

    def at(self, timestamp: float) -> int:
        """Return the follower count at a unix time."""
        if self.ratio == 1:
            return round(self.low)
        days = days_since_epoch(timestamp)
        position = (days / self.period_days + self.phase) % 1
        height = min(position / self.rise_share, (1 - position) / (1 - self.rise_share))
        weekly = self.weekly_swing * math.sin(math.tau * days / 7)
        return round(self.low * math.exp(math.log(self.ratio) * height + weekly))


def _shape(trend: Trend, dice: Dice) -> tuple[float, float, float]:
    """Return ratio, period in days and rising share of a trend."""
    if trend == "rising":
        return dice.uniform(1.6, 2.6), dice.uniform(120, 220), 0.86
    if trend == "fast":
        return dice.uniform(2.4, 3.2), dice.uniform(60, 90), 0.82
    if trend == "falling":
        return dice.uniform(1.3, 1.7), dice.uniform(120, 220), 0.12
    if trend == "viral":
        return dice.uniform(1.25, 1.6), dice.uniform(16, 26), 0.1
    return 1.0, 1.0, 0.5


def follower_curve(dice: Dice, low: float, high: float) -> FollowerCurve:
    """Make a curve that stays between two follower counts at all times."""
    trend = dice.choices(_TRENDS, _TREND_WEIGHTS)[0]
    ratio, period_days, rise_share = _shape(trend, dice)
    ratio = min(ratio, 0.95 * high / low)
    if ratio <= 1:
        trend, ratio = "flat", 1.0
    # The weekly rhythm stays below half the slope of the rise, so that a rise never turns into a fall.
    slope = math.log(ratio) / (period_days * max(rise_share, 1 - rise_share))
    weekly_swing = min(0.4 * slope * 7 / math.tau, 0.02)
    bottom = low * 1.025
    start = dice.log_between(bottom, max(bottom, 0.97 * high / ratio))
    return FollowerCurve(trend, start, ratio, period_days, rise_share, dice.random(), weekly_swing)


def curve_around(dice: Dice, count: int) -> FollowerCurve:
    """Make a gentle curve that stays within some 10% of a known count; 0 stays 0."""
    if count == 0:
        return FollowerCurve("flat", 0, 1.0, 1.0, 0.5, 0.0, 0.0)
    return follower_curve(dice, count * 0.9, count * 1.1)


@dataclass(frozen=True, slots=True)
class SteadyCount:
    """A total that grows by the same amount every day (hearts, posted videos)."""

    at_epoch: float
    per_day: float

    def at(self, timestamp: float) -> int:
        """Return the total at a unix time, never below 0."""
        return max(0, math.floor(self.at_epoch + self.per_day * days_since_epoch(timestamp)))


@dataclass(frozen=True, slots=True)
class PlayCurve:
    """Plays of a video: fast in its first days, then slow for ever."""

    final_count: int
    rise_days: float
    drift: float = 0.0

    def at(self, age_seconds: float) -> int:
        """Return the plays that a video of this age has."""
        days = max(0.0, age_seconds / SECONDS_PER_DAY)
        share = 1 - math.exp(-days / self.rise_days)
        return math.floor(self.final_count * share * (1 + self.drift * math.log1p(days / 30)))
