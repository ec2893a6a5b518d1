"""The made-up world: its creators, and the results of searches over time."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from include.sandbox.creators import (
    SECONDS_PER_DAY,
    Creator,
    CreatorBook,
    FollowerCurve,
    Identifier,
    Role,
    number_for,
)
from include.sandbox.dice import Dice, digest
from include.sandbox.videos import SHARED_CHANNEL, Sample, Video, VideoBook
from include.sandbox.words import COMMON_HASHTAGS, search_key

_SHARED_ROLES = (Role.COMET, Role.SMALL, Role.QUIET, Role.BIG, Role.COMET, Role.SMALL, Role.LOWER_EDGE, Role.QUIET)
_SHARED_COUNT = 24
_EVERYWHERE_COUNT = 2  # creators whose videos every search finds, so that any two hashtags share videos
_LOOSE_MATCHES = 4
_NEWCOMER_CHANCE = 0.5  # a day and hashtag
_NEWCOMER_DAYS = 7
_FIRST_REPEAT = 20  # so that a page of the default size repeats earlier ones, not itself

Result = Video | str | None
"""A video, the title of another card, or a gap that counts for the offset and is not returned."""


class CreatorChange(BaseModel):
    """Changes of one creator; None keeps the made-up value."""

    model_config = ConfigDict(extra="forbid")

    is_gone: bool = False
    handle: str | None = None
    follower_count: int | None = Field(default=None, ge=0)


class World:
    """Creators and videos of one sandbox: functions of the time and of `changes`, by uid."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.changes: dict[str, CreatorChange] = {}
        self._sample = Sample(seed)
        self._sample_creators: dict[tuple[Identifier, str], Creator] = {}
        for creator in self._sample.creators:
            self._sample_creators["uid", creator.uid] = creator
            self._sample_creators["sec_uid", creator.sec_uid] = creator
            self._sample_creators["handle", creator.handle] = creator
        self._creators = CreatorBook(seed)
        self._videos = VideoBook(seed, self._creators)
        self._cast = lru_cache(maxsize=1024)(self._choose_cast)
        shared = (number_for(_SHARED_ROLES[slot % 8], seed, "shared", slot) for slot in range(_SHARED_COUNT))
        self._shared = tuple(dict.fromkeys(shared))

    def find(self, attribute: Identifier, value: str) -> Creator | None:
        """Return the creator with this current identifier; None if removed or unknown."""
        if attribute == "handle":
            for uid, change in self.changes.items():
                if change.handle == value:
                    return self.find("uid", uid)
        creator = self._sample_creators.get((attribute, value)) or self._creators.find(attribute, value)
        current = None if creator is None else self._current(creator)
        return current if current is not None and getattr(current, attribute) == value else None

    def _current(self, creator: Creator) -> Creator | None:
        """Return a creator with its changes applied; None if removed."""
        change = self.changes.get(creator.uid)
        if change is None:
            return creator
        if change.is_gone:
            return None
        followers = creator.followers if change.follower_count is None else FollowerCurve(change.follower_count)
        return replace(creator, handle=change.handle or creator.handle, followers=followers)

    def search(self, keyword: str, publish_time: int, region: str, timestamp: float) -> list[Result]:
        """Return all results of a search at a unix time, in page order.

        Args:
            keyword: in any spelling.
            publish_time: maximum age of videos in days; 0 is no limit.
            region: determines the order.
            timestamp: unix time.
        """
        key = search_key(keyword)
        place = region.upper()
        videos = sorted(
            self._published(key, timestamp),
            key=lambda video: digest(self._seed, "rank", key, place, video.video_id),
        )
        if publish_time:
            videos = _recent(videos, timestamp - publish_time * SECONDS_PER_DAY)
        return self._with_oddities(videos, key)

    def _published(self, key: str, timestamp: float) -> Iterator[Video]:
        """Yield the distinct videos of a search whose authors exist."""
        found = {video.video_id: video for video in self._generated(key, timestamp)}
        loose = Dice(self._seed, "loose matches", key).sample(self._sample.untagged, _LOOSE_MATCHES)
        for video in (*self._sample.by_key.get(key, ()), *loose):
            if video.published_at <= timestamp:
                found[video.video_id] = video
        for video in found.values():
            creator = self._current(video.creator)
            if creator is not None:
                yield replace(video, creator=creator)

    def _generated(self, key: str, timestamp: float) -> Iterator[Video]:
        for number, limit in self._cast(key):
            yield from self._videos.latest(number, key, timestamp, limit)
        for number in self._newcomers(key, timestamp):
            yield from self._videos.latest(number, key, timestamp, 2)
        for place, number in enumerate(self._shared):
            for video in self._videos.latest(number, SHARED_CHANNEL, timestamp, 2):
                if place < _EVERYWHERE_COUNT or key in video.hashtags:
                    yield video

    def _newcomers(self, key: str, timestamp: float) -> Iterator[int]:
        """Yield the Comets that recently appeared in a search, about one every two days."""
        today = int(timestamp // SECONDS_PER_DAY)
        for day in range(today - _NEWCOMER_DAYS, today + 1):
            if Dice(self._seed, "newcomer", key, day).chance(_NEWCOMER_CHANCE):
                yield number_for(Role.COMET, self._seed, "newcomer", key, day)

    def _choose_cast(self, key: str) -> tuple[tuple[int, int], ...]:
        """Return the creators of a hashtag, each with the number of videos in a search."""
        dice = Dice(self._seed, "cast", key)
        roles = [
            *[Role.COMET] * dice.randrange(5, 8),
            *[Role.HIDDEN] * dice.randrange(1, 3),
            *[Role.QUIET] * 5,
            *[Role.SMALL] * dice.randrange(8, 13),
            *[Role.BIG] * dice.randrange(4, 7),
            Role.LOWER_EDGE,
            Role.UPPER_EDGE,
        ]
        own = [number_for(role, self._seed, "cast", key, slot) for slot, role in enumerate(roles)]
        guests = [] if key in COMMON_HASHTAGS else dice.sample(self._shared[_EVERYWHERE_COUNT:], 5)
        often = (Role.COMET, Role.HIDDEN)
        cast = {number: 2 if number & 7 in often else dice.randrange(1, 4) for number in (*own, *guests)}
        return tuple(cast.items())

    def _with_oddities(self, videos: list[Video], key: str) -> list[Result]:
        """Add oddities of real searches: repeated videos, a non-video card, a gap."""
        results: list[Result] = list(videos)
        dice = Dice(self._seed, "oddities", key, len(videos))
        for place in range(_FIRST_REPEAT + 3, len(results), 17):
            results.insert(place, videos[dice.randrange(0, _FIRST_REPEAT)])
        if videos:
            results.insert(dice.randrange(0, min(len(results), _FIRST_REPEAT)), f"People also look for {key}")
        if len(results) > _FIRST_REPEAT:
            results.insert(dice.randrange(_FIRST_REPEAT, len(results)), None)
        return results


def _recent(videos: list[Video], earliest: float) -> list[Video]:
    """Return the videos published since `earliest`, and one older video, as the real filter is inexact."""
    slip = next((video for video in videos if video.published_at < earliest), None)
    return [video for video in videos if video.published_at >= earliest or video is slip]
