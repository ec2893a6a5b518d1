"""Videos that do not exist: what each creator posts under a hashtag, on a timetable that never ends."""

import math
from dataclasses import dataclass
from functools import lru_cache

from include.sandbox.creators import Creator, CreatorBook, Role
from include.sandbox.curves import EPOCH, SECONDS_PER_DAY, PlayCurve
from include.sandbox.dice import Dice, digest
from include.sandbox.words import CAPTIONS, COMMON_HASHTAGS

SHARED_CHANNEL = ""

_FINAL_PLAYS: dict[Role, tuple[float, float]] = {
    Role.COMET: (80_000, 2_500_000),
    Role.HIDDEN: (80_000, 900_000),
    Role.QUIET: (300, 46_000),
    Role.SMALL: (80, 160_000),
    Role.BIG: (9_000, 30_000_000),
    Role.LOWER_EDGE: (60_000, 400_000),
    Role.UPPER_EDGE: (60_000, 1_500_000),
}


@dataclass(frozen=True, slots=True)
class Reactions:
    """Likes and the like, as parts of the plays (None: the source never recorded it)."""

    likes: float
    comments: float
    shares: float
    saves: float | None


@dataclass(frozen=True, slots=True)
class Video:
    """One video: what it says, and its plays as a function of its age."""

    video_id: str
    creator: Creator
    caption: str
    hashtags: tuple[str, ...]
    published_at: int
    plays: PlayCurve
    reactions: Reactions
    duration_ms: int
    stale_factor: float = 1.0  # the author's follower count beside this video lags by this factor

    def play_count(self, timestamp: float) -> int:
        """Return the plays at a unix time."""
        return self.plays.at(timestamp - self.published_at)


class VideoBook:
    """All generated videos of one seed. A channel is the hashtag that a creator posts under."""

    def __init__(self, seed: int, creators: CreatorBook) -> None:
        self._seed = seed
        self._creators = creators
        self._video = lru_cache(maxsize=8192)(self._make)

    def latest(self, number: int, channel: str, timestamp: float, most: int) -> list[Video]:
        """Return up to `most` videos that a creator last published in a channel before a unix time, newest first."""
        period, phase = self._timetable(number, channel)
        newest = math.floor((timestamp - EPOCH) / period - phase)
        return [self._video(number, channel, index) for index in range(newest, newest - most, -1)]

    def _timetable(self, number: int, channel: str) -> tuple[float, float]:
        """Return the seconds between two videos and the part of that by which the first is late."""
        dice = Dice(self._seed, "timetable", number, channel)
        days = dice.uniform(4, 9) if dice.chance(0.25) else dice.uniform(18, 70)
        return days * SECONDS_PER_DAY, dice.random()

    def _make(self, number: int, channel: str, index: int) -> Video:
        period, phase = self._timetable(number, channel)
        dice = Dice(self._seed, "video", number, channel, index)
        creator = self._creators.by_number(number)
        published_at = math.ceil(EPOCH + (index + phase) * period)
        hashtags, mentioned = _hashtags(dice, channel)
        return Video(
            video_id=str(published_at << 32 | digest(self._seed, "video", number, channel, index) & 0xFFFFFFFF),
            creator=creator,
            caption=_caption(dice, hashtags, mentioned),
            hashtags=hashtags,
            published_at=published_at,
            plays=PlayCurve(
                round(dice.log_between(*_FINAL_PLAYS[Role(number & 7)])), rise_days=dice.uniform(1, 2.8), drift=0.03
            ),
            reactions=Reactions(
                likes=dice.uniform(0.03, 0.16),
                comments=dice.uniform(0.0003, 0.004),
                shares=dice.uniform(0.0005, 0.01),
                saves=dice.uniform(0.001, 0.02),
            ),
            duration_ms=dice.randrange(6_000, 180_000),
        )


def _hashtags(dice: Dice, channel: str) -> tuple[tuple[str, ...], str | None]:
    """Return a video's hashtags, and a word of the caption that search finds although it is no hashtag."""
    if channel == SHARED_CHANNEL:
        return tuple(dice.sample(COMMON_HASHTAGS, 3)), None
    # Search also finds words: about one video in twelve does not carry the hashtag that finds it.
    if dice.chance(0.08):
        return tuple(dice.sample([tag for tag in COMMON_HASHTAGS if tag != channel], 1)), channel
    extra = [tag for tag in ("fyp", "viral", "trending", "foryou") if tag != channel]
    return (channel, *dice.sample(extra, dice.randrange(0, 3))), None


def _caption(dice: Dice, hashtags: tuple[str, ...], mentioned: str | None) -> str:
    words = [dice.choice(CAPTIONS), mentioned, *(f"#{tag}" for tag in hashtags)]
    return " ".join(word for word in words if word)
