"""The anonymised sample file as creators and videos."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from include.sandbox.creators import Creator
from include.sandbox.curves import EPOCH, PlayCurve, SteadyCount, curve_around
from include.sandbox.dice import Dice
from include.sandbox.text import search_key
from include.sandbox.videos import Reactions, Video

_TRUE_ZERO_HEARTS = 10_000  # of the sample's authors with 0 followers, only the one below this really has none

Record = dict[str, Any]


class Sample:
    """Videos of the sample file by hashtag, and their authors."""

    def __init__(self, path: Path, seed: int) -> None:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        by_author: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(records, key=lambda record: record["create_time"]):
            by_author[record["author"]["uid"]].append(record)
        self.creators: list[Creator] = []
        self.untagged: list[Video] = []
        self._videos: dict[str, list[Video]] = defaultdict(list)
        for own in by_author.values():
            creator = _creator(own[-1], Dice(seed, "sample", own[-1]["author"]["uid"]))
            self.creators.append(creator)
            for record in own:
                self._file(_video(record, creator, own[-1]))

    def _file(self, video: Video) -> None:
        if not video.hashtags:
            self.untagged.append(video)
        for key in {search_key(tag) for tag in video.hashtags}:
            self._videos[key].append(video)

    def tagged(self, key: str) -> list[Video]:
        """Return the videos with a hashtag, given by its search key."""
        return self._videos.get(key, [])


def _creator(record: Record, dice: Dice) -> Creator:
    author = record["author"]
    given: int | None = author["follower_count"]
    really = given or _hidden_follower_count(record)
    hearts, videos = author["heart_count"] or 0, author["video_count"] or 0
    return Creator(
        uid=author["uid"],
        sec_uid=author["sec_uid"],
        handle=author["unique_id"],
        nickname=author["nickname"],
        signature=author["signature"] or "",
        avatar_url=author["avatar_url"] or "",
        region="US",
        created_at=min(record["create_time"] - 30 * 86_400, EPOCH),
        followers=curve_around(dice, really),
        hearts=SteadyCount(hearts, hearts * 0.0004),
        videos=SteadyCount(videos, dice.uniform(0.02, 0.5)),
        search_count="missing" if given is None else "zero" if given == 0 else "shown",
    )


def _hidden_follower_count(record: Record) -> int:
    """Return a made-up count for an author whose count the sample does not have."""
    author = record["author"]
    if author["follower_count"] == 0 and author["heart_count"] < _TRUE_ZERO_HEARTS:
        return 0
    return max(50, int(record["stats"]["play"]) // 12)


def _video(record: Record, creator: Creator, newest: Record) -> Video:
    stats = record["stats"]
    plays = max(1, stats["play"])
    now, then = newest["author"]["follower_count"], record["author"]["follower_count"]
    return Video(
        video_id=record["video_id"],
        creator=creator,
        caption=record["desc"],
        hashtags=tuple(record["hashtags"]),
        published_at=record["create_time"],
        plays=PlayCurve(stats["play"], rise_days=2.0),
        reactions=Reactions(
            likes=stats["digg"] / plays,
            comments=stats["comment"] / plays,
            shares=stats["share"] / plays,
            saves=None if stats["collect"] is None else stats["collect"] / plays,
        ),
        duration_ms=15_000,
        stale_factor=then / now if then and now else 1.0,
    )
