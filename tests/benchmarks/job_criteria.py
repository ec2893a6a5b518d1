"""Who is a Comet, for all ways to do the job alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criteria:
    """All bounds are inclusive."""

    min_followers: int
    max_followers: int
    min_video_views: int


CRITERIA = Criteria(min_followers=10_000, max_followers=100_000, min_video_views=50_000)
