"""The made-up world: who exists, what a search finds at a given time, and the switches that change single creators."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from include.sandbox.creators import Creator, CreatorBook, Role, number_for
from include.sandbox.curves import SECONDS_PER_DAY
from include.sandbox.dice import Dice, digest
from include.sandbox.sample import Sample
from include.sandbox.text import search_key
from include.sandbox.videos import SHARED_CHANNEL, Video, VideoBook
from include.sandbox.words import COMMON_HASHTAGS

_SHARED_ROLES = (Role.COMET, Role.SMALL, Role.QUIET, Role.BIG, Role.COMET, Role.SMALL, Role.LOWER_EDGE, Role.QUIET)
_SHARED_COUNT = 24
_EVERYWHERE_COUNT = 2  # creators whose videos every search finds, so that any two hashtags share videos
_LOOSE_MATCHES = 4
_FIRST_REPEAT = 20  # so that a page of the default size repeats earlier ones, not itself


@dataclass(frozen=True, slots=True)
class Card:
    """A search result that is no video."""

    title: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A place in the search that the server skips: it counts for the offset and is not returned."""


Result = Video | Card | Withheld


@dataclass(slots=True)
class CreatorChange:
    """What a test changed about one creator."""

    is_gone: bool = False
    handle: str | None = None
    follower_count: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """A creator's exact counts at one time."""

    followers: int
    hearts: int
    videos: int


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What decides the results of a search."""

    keyword: str
    sort_type: int
    publish_time: int
    region: str


class World:
    """Everything that exists in one sandbox. All answers are functions of the time asked for and of the changes."""

    def __init__(self, seed: int, sample: Sample) -> None:
        self._seed = seed
        self._sample = sample
        self._creators = CreatorBook(seed)
        self._videos = VideoBook(seed, self._creators)
        self._sample_uids = {creator.uid: creator for creator in sample.creators}
        self._sample_sec_uids = {creator.sec_uid: creator for creator in sample.creators}
        self._sample_handles = {creator.handle: creator for creator in sample.creators}
        self._changes: dict[str, CreatorChange] = {}
        self._cast = lru_cache(maxsize=1024)(self._choose_cast)
        shared = (number_for(_SHARED_ROLES[slot % 8], seed, "shared", slot) for slot in range(_SHARED_COUNT))
        self._shared = tuple(dict.fromkeys(shared))

    def by_uid(self, uid: str, *, with_gone: bool = False) -> Creator | None:
        """Return the creator with this uid, unless it is gone."""
        return self._present(self._sample_uids.get(uid) or self._creators.by_uid(uid), with_gone)

    def by_sec_uid(self, sec_uid: str) -> Creator | None:
        """Return the creator with this sec_uid, unless it is gone."""
        return self._present(self._sample_sec_uids.get(sec_uid) or self._creators.by_sec_uid(sec_uid))

    def by_handle(self, handle: str) -> Creator | None:
        """Return the creator that has this handle now, unless it is gone; its old handle finds nobody."""
        wanted = handle.removeprefix("@").lower()
        for uid, change in self._changes.items():
            if change.handle is not None and change.handle.lower() == wanted:
                return self.by_uid(uid)
        creator = self._sample_handles.get(wanted) or self._creators.by_handle(wanted)
        if creator is not None and self.change(creator.uid).handle is not None:
            return None
        return self._present(creator)

    def _present(self, creator: Creator | None, with_gone: bool = False) -> Creator | None:
        if creator is None:
            return None
        change = self._changes.get(creator.uid)
        if change is None:
            return creator
        if change.is_gone and not with_gone:
            return None
        return creator if change.handle is None else replace(creator, handle=change.handle)

    def change(self, uid: str) -> CreatorChange:
        """Return what was changed about a creator."""
        return self._changes.get(uid, CreatorChange())

    def set_change(self, uid: str, change: CreatorChange) -> None:
        """Replace what is changed about a creator."""
        self._changes[uid] = change

    def forget_changes(self) -> None:
        """Undo all changes."""
        self._changes.clear()

    def counts(self, creator: Creator, timestamp: float) -> Counts:
        """Return a creator's exact counts at a unix time; a pinned follower count wins over its curve."""
        pinned = self.change(creator.uid).follower_count
        return Counts(
            followers=creator.followers.at(timestamp) if pinned is None else pinned,
            hearts=creator.hearts.at(timestamp),
            videos=creator.videos.at(timestamp),
        )

    def search(self, query: SearchQuery, timestamp: float) -> list[Result]:
        """Return all results of a search at a unix time, in the order in which pages cut them up."""
        key = search_key(query.keyword)
        videos = self._ranked(self._published(key, timestamp), query, key, timestamp)
        if query.publish_time:
            videos = self._recent(videos, timestamp - query.publish_time * SECONDS_PER_DAY)
        return self._with_oddities(videos, key)

    def _published(self, key: str, timestamp: float) -> list[Video]:
        """Return the distinct videos that a search can find, with present authors."""
        found = {video.video_id: video for video in self._generated(key, timestamp)}
        found |= {video.video_id: video for video in self._from_sample(key) if video.published_at <= timestamp}
        present = ((video, self._present(video.creator)) for video in found.values())
        return [replace(video, creator=creator) for video, creator in present if creator is not None]

    def _generated(self, key: str, timestamp: float) -> Iterator[Video]:
        for number, most in self._cast(key):
            yield from self._videos.latest(number, key, timestamp, most)
        for place, number in enumerate(self._shared):
            for video in self._videos.latest(number, SHARED_CHANNEL, timestamp, 2):
                if place < _EVERYWHERE_COUNT or key in video.hashtags:
                    yield video

    def _from_sample(self, key: str) -> list[Video]:
        """Return the sample's videos with a hashtag, and a few that search finds although they carry none."""
        loose = Dice(self._seed, "loose matches", key).sample(self._sample.untagged, _LOOSE_MATCHES)
        return [*self._sample.tagged(key), *loose]

    def _choose_cast(self, key: str) -> tuple[tuple[int, int], ...]:
        """Return the creators that post under a hashtag, each with how many videos of theirs a search finds."""
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

    def _ranked(self, videos: list[Video], query: SearchQuery, key: str, timestamp: float) -> list[Video]:
        if query.sort_type == 1:
            return sorted(
                videos, key=lambda video: (-video.reactions.likes * video.play_count(timestamp), video.video_id)
            )
        place = query.region.upper()
        return sorted(videos, key=lambda video: digest(self._seed, "rank", key, place, video.video_id))

    def _recent(self, videos: list[Video], earliest: float) -> list[Video]:
        """Keep what was published since `earliest`, and one older video: the real filter is not exact either."""
        slip = next((video for video in videos if video.published_at < earliest), None)
        return [video for video in videos if video.published_at >= earliest or video is slip]

    def _with_oddities(self, videos: list[Video], key: str) -> list[Result]:
        """Add what real searches have: repeated videos, cards that are no videos, places without a result."""
        results: list[Result] = list(videos)
        dice = Dice(self._seed, "oddities", key, len(videos))
        for place in range(_FIRST_REPEAT + 3, len(results), 17):
            results.insert(place, videos[dice.randrange(0, _FIRST_REPEAT)])
        if videos:
            results.insert(
                dice.randrange(0, min(len(results), _FIRST_REPEAT)), Card(title=f"People also look for {key}")
            )
        if len(results) > _FIRST_REPEAT:
            results.insert(dice.randrange(_FIRST_REPEAT, len(results)), Withheld())
        return results
