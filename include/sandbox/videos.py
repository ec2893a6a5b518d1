"""Made-up videos: an endless timetable per creator, and the anonymised sample file."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from include.sandbox.creators import (
    BOUNDS,
    EPOCH,
    SECONDS_PER_DAY,
    Creator,
    CreatorBook,
    FollowerCurve,
    Role,
    SteadyCount,
    follower_curve,
)
from include.sandbox.dice import Dice, digest
from include.sandbox.words import CAPTIONS, COMMON_HASHTAGS, search_key

SHARED_CHANNEL = ""
SAMPLE_FILE = Path(__file__).parent / "data" / "videos_sample.jsonl"

_TRUE_ZERO_HEARTS = 10_000  # sample authors with 0 followers and more hearts have a hidden count

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Video:
    """One video. Plays rise fast in the first days and slowly afterwards; reactions are shares of the plays."""

    video_id: str
    creator: Creator
    caption: str
    hashtags: tuple[str, ...]
    published_at: int
    final_plays: int
    rise_days: float
    drift: float
    likes: float
    comments: float
    shares: float
    saves: float | None  # None: the sample did not record it
    stale_factor: float = 1.0  # the author's follower count beside this video lags by this factor

    def play_count(self, timestamp: float) -> int:
        """Return the plays at a unix time."""
        days = max(0.0, (timestamp - self.published_at) / SECONDS_PER_DAY)
        share = 1 - math.exp(-days / self.rise_days)
        return math.floor(self.final_plays * share * (1 + self.drift * math.log1p(days / 30)))


class VideoBook:
    """All generated videos of one seed. A channel is a hashtag of a creator's posts."""

    def __init__(self, seed: int, creators: CreatorBook) -> None:
        self._seed = seed
        self._creators = creators
        self._video = lru_cache(maxsize=8192)(self._make)

    def latest(self, number: int, channel: str, timestamp: float, limit: int) -> list[Video]:
        """Return a creator's last `limit` videos in a channel before a unix time, newest first."""
        period, phase = self._timetable(number, channel)
        newest = math.floor((timestamp - EPOCH) / period - phase)
        return [self._video(number, channel, index) for index in range(newest, newest - limit, -1)]

    def _timetable(self, number: int, channel: str) -> tuple[float, float]:
        """Return the seconds between two videos, and the first one's delay as a share of them."""
        dice = Dice(self._seed, "timetable", number, channel)
        days = dice.uniform(4, 9) if dice.chance(0.25) else dice.uniform(18, 70)
        return days * SECONDS_PER_DAY, dice.random()

    def _make(self, number: int, channel: str, index: int) -> Video:
        period, phase = self._timetable(number, channel)
        dice = Dice(self._seed, "video", number, channel, index)
        published_at = math.ceil(EPOCH + (index + phase) * period)
        hashtags, mentioned = _hashtags(dice, channel)
        return Video(
            video_id=str(published_at << 32 | digest(self._seed, "video", number, channel, index) & 0xFFFFFFFF),
            creator=self._creators.by_number(number),
            caption=_caption(dice, hashtags, mentioned),
            hashtags=hashtags,
            published_at=published_at,
            final_plays=round(dice.log_between(*BOUNDS[Role(number & 7)][1])),
            rise_days=dice.uniform(1, 2.8),
            drift=0.03,
            likes=dice.uniform(0.03, 0.16),
            comments=dice.uniform(0.0003, 0.004),
            shares=dice.uniform(0.0005, 0.01),
            saves=dice.uniform(0.001, 0.02),
        )


def _hashtags(dice: Dice, channel: str) -> tuple[tuple[str, ...], str | None]:
    """Return a video's hashtags, and a caption word that search matches without a hashtag."""
    if channel == SHARED_CHANNEL:
        return tuple(dice.sample(COMMON_HASHTAGS, 3)), None
    if dice.chance(0.08):
        return tuple(dice.sample([tag for tag in COMMON_HASHTAGS if tag != channel], 1)), channel
    extra = [tag for tag in ("fyp", "viral", "trending", "foryou") if tag != channel]
    return (channel, *dice.sample(extra, dice.randrange(0, 3))), None


def _caption(dice: Dice, hashtags: tuple[str, ...], mentioned: str | None) -> str:
    words = [dice.choice(CAPTIONS), mentioned, *(f"#{tag}" for tag in hashtags)]
    return " ".join(word for word in words if word)


class Sample:
    """Videos of the sample file by hashtag search key, and their authors."""

    def __init__(self, seed: int) -> None:
        records = [json.loads(line) for line in SAMPLE_FILE.read_text(encoding="utf-8").splitlines()]
        by_author: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(records, key=lambda record: record["create_time"]):
            by_author[record["author"]["uid"]].append(record)
        self.creators: list[Creator] = []
        self.untagged: list[Video] = []
        self.by_key: dict[str, list[Video]] = defaultdict(list)
        for own in by_author.values():
            creator = _sample_creator(own[-1], seed)
            self.creators.append(creator)
            for record in own:
                video = _sample_video(record, creator, own[-1])
                if not video.hashtags:
                    self.untagged.append(video)
                for key in {search_key(tag) for tag in video.hashtags}:
                    self.by_key[key].append(video)


def _sample_creator(newest: Record, seed: int) -> Creator:
    author = newest["author"]
    dice = Dice(seed, "sample", author["uid"])
    shown: int | None = author["follower_count"]
    followers = shown or _hidden_follower_count(newest)
    hearts, videos = author["heart_count"] or 0, author["video_count"] or 0
    return Creator(
        uid=author["uid"],
        sec_uid=author["sec_uid"],
        handle=author["unique_id"],
        nickname=author["nickname"],
        signature=author["signature"] or "",
        avatar_url=author["avatar_url"] or "",
        region="US",
        followers=follower_curve(dice, followers * 0.9, followers * 1.1) if followers else FollowerCurve(0),
        hearts=SteadyCount(hearts, hearts * 0.0004),
        videos=SteadyCount(videos, dice.uniform(0.02, 0.5)),
        search_count="missing" if shown is None else "zero" if shown == 0 else "shown",
    )


def _hidden_follower_count(record: Record) -> int:
    """Return a made-up count for an author without a count in the sample."""
    author = record["author"]
    if author["follower_count"] == 0 and author["heart_count"] < _TRUE_ZERO_HEARTS:
        return 0
    return max(50, int(record["stats"]["play"]) // 12)


def _sample_video(record: Record, creator: Creator, newest: Record) -> Video:
    stats = record["stats"]
    plays = max(1, stats["play"])
    now, then = newest["author"]["follower_count"], record["author"]["follower_count"]
    return Video(
        video_id=record["video_id"],
        creator=creator,
        caption=record["desc"],
        hashtags=tuple(record["hashtags"]),
        published_at=record["create_time"],
        final_plays=stats["play"],
        rise_days=2.0,
        drift=0.0,
        likes=stats["digg"] / plays,
        comments=stats["comment"] / plays,
        shares=stats["share"] / plays,
        saves=None if stats["collect"] is None else stats["collect"] / plays,
        stale_factor=then / now if then and now else 1.0,
    )
