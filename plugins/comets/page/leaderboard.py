"""The leaderboard: who grows fastest on a date."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from comets.page.bands import bands
from comets.page.data import fetch
from comets.page.exports import PART_COLUMNS, Export, Format, part_cells
from comets.page.links import Links
from comets.page.parameters import (
    PAGE_SIZES,
    Day,
    Direction,
    Hashtag,
    PageNumber,
    PageSize,
    Parameters,
    Text,
    read_parameters,
)
from comets.page.rendering import render
from comets.settings import settings

router = APIRouter()

Sort = Literal[
    "followers",
    "growth",
    "rate",
    "growth_1d",
    "growth_7d",
    "growth_30d",
    "acceleration",
    "engagement",
    "reach",
    "breakout",
    "score",
]

# What stands above each figure, what it says, and by which key the list is sorted by it.
COLUMNS: dict[Sort, tuple[str, str]] = {
    "followers": ("Followers", "Followers on the date"),
    "growth": ("Growth a day", "Followers gained per day since the snapshot before"),
    "rate": ("% a day", "Growth rate per 24 hours since the snapshot before"),
    "growth_1d": ("Over a day", "Growth rate per 24 hours since the count of the day before"),
    "growth_7d": ("Over 7 days", "Compounded growth rate per 24 hours over 7 days"),
    "growth_30d": ("Over 30 days", "Compounded growth rate per 24 hours over 30 days"),
    "acceleration": ("Acceleration", "Change of followers per day between the last two spans of readings"),
    "engagement": ("Engagement", "Likes, comments and shares by views of the videos seen in 30 days"),
    "reach": ("Views by followers", "Median views of the videos seen in 30 days by followers"),
    "breakout": ("Breakout", "Views of the most seen video by the median of the creator's others"),
    "score": ("Score", "Comet score from 0 to 100; the creator's page shows its parts"),
}

_FIGURES = (
    "place",
    "user_id",
    "handle",
    "nickname",
    "status",
    "is_new",
    "tracked_since",
    "recorded_date",
    "follower_count",
    "counted_date",
    "basis",
    "daily_growth_followers",
    "daily_growth_percent",
    "growth_rate",
    "growth_1d_rate",
    "growth_1d_days",
    "is_growth_1d_estimated",
    "growth_7d_rate",
    "growth_7d_days",
    "is_growth_7d_estimated",
    "growth_30d_rate",
    "growth_30d_days",
    "is_growth_30d_estimated",
    "acceleration",
    "engagement_rate",
    "view_follower_ratio",
    "breakout_ratio",
    "breakout_video_id",
    "video_count",
    "score",
    "is_low_confidence",
    "score_version",
    "hashtags",
)


def _plain(search: str) -> str | None:
    return search.removeprefix("@") or None


class LeaderboardQuery(Parameters):
    """What a leaderboard is asked for; no date is the latest one."""

    date: Day | None = None
    hashtag: Hashtag | None = None
    band: Literal["comets", "10k-25k", "25k-50k", "50k-100k", "below", "above", "all"] = "comets"
    search: Annotated[Text, AfterValidator(_plain)] | None = None
    sort: Sort = "rate"
    order: Direction = "desc"
    page: PageNumber = 1
    size: PageSize = 50

    def changed(self, **changes: Any) -> dict[str, Any]:
        """The parameters of a link that asks for something else; the list begins anew unless a page is named."""
        given = self.model_dump(exclude_defaults=True, exclude={"page"}, mode="json")
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        wanted = {**given, **changes}
        return {name: value for name, value in wanted.items() if value is not None and value != defaults.get(name)}


@router.api_route("/", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """The page."""
    asked = read_parameters(LeaderboardQuery, request.query_params)
    board = _fetch(asked)
    page_count = max(1, math.ceil(board["total_count"] / asked.size))
    values = {
        "asked": asked,
        "board": board,
        "bands": bands(settings().criteria),
        "columns": COLUMNS,
        "page_count": page_count,
        "page_sizes": PAGE_SIZES,
        "sort_links": _sort_links(asked),
    }
    return render(request, "leaderboard.html", values)


@router.api_route("/fastest", methods=["GET", "HEAD"])
def fastest(request: Request) -> Response:
    """Leads to the page of the first creator of a list."""
    asked = read_parameters(LeaderboardQuery, request.query_params)
    board = _fetch(asked.model_copy(update={"page": 1, "size": min(PAGE_SIZES)}))
    links = Links.of(request)
    if not board["entries"]:
        return RedirectResponse(links.page("", **asked.changed()), status_code=303)
    return RedirectResponse(links.creator(board["entries"][0]["user_id"], board["recorded_date"]), status_code=303)


@router.api_route("/leaderboard.{kind}", methods=["GET", "HEAD"])
def export(request: Request, kind: Format) -> Response:
    """What is on the page, in plain figures, with the parts of each score."""
    asked = read_parameters(LeaderboardQuery, request.query_params)
    board = _fetch(asked, has_parts=True)
    version = (board["made"] or {}).get("score_version")
    rows = [{**entry, "score_version": version} for entry in board["entries"]]
    if kind == "csv":
        rows = [{**row, **part_cells(row["parts"])} for row in rows]
    about = {
        "recorded_date": board["recorded_date"],
        "total_count": board["total_count"],
        "page": board["page"],
        "page_size": asked.size,
        "score_version": version,
        "score_weights": (board["made"] or {}).get("score_weights"),
    }
    name = f"comets-{board['recorded_date'] or 'none'}"
    return Export(name, [*_FIGURES, *PART_COLUMNS], rows, about).answer(kind)


def _fetch(asked: LeaderboardQuery, has_parts: bool = False) -> dict[str, Any]:
    band = bands(settings().criteria)[asked.band]
    return fetch(
        "leaderboard",
        recorded_date=asked.date,
        hashtag=asked.hashtag,
        min_followers=band.min_followers,
        max_followers=band.max_followers,
        search=asked.search,
        sort=asked.sort,
        is_descending=asked.order == "desc",
        page=asked.page,
        page_size=asked.size,
        has_parts=has_parts,
    )


def _sort_links(asked: LeaderboardQuery) -> dict[Sort, dict[str, Any]]:
    """For each column the parameters that sort by it; once more turns the order around."""
    links = {}
    for key in COLUMNS:
        order = "asc" if asked.sort == key and asked.order == "desc" else "desc"
        links[key] = asked.changed(sort=key, order=order)
    return links
