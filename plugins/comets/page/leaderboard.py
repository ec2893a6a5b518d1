"""The leaderboard: the fastest-growing creators on a date."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from comets.page.data import fetch
from comets.page.exports import PART_COLUMNS, Export, Format, part_cells
from comets.page.links import Links
from comets.page.parameters import (
    COMETS,
    PAGE_SIZES,
    BandKey,
    Day,
    Direction,
    Hashtag,
    PageNumber,
    PageSize,
    Parameters,
    Text,
    follower_bands,
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

COLUMNS: dict[Sort, tuple[str, str]] = {
    "followers": ("Followers", "Followers on this date"),
    "growth": ("Followers/day", "Followers gained per day since the previous snapshot"),
    "rate": ("Growth/day", "Growth rate per 24 hours since the previous snapshot"),
    "growth_1d": ("1-day", "Growth rate per 24 hours since the previous day's count"),
    "growth_7d": ("7-day average", "Compounded growth rate per 24 hours over 7 days"),
    "growth_30d": ("30-day average", "Compounded growth rate per 24 hours over 30 days"),
    "acceleration": ("Acceleration", "Change in followers/day between the last two intervals"),
    "engagement": ("Engagement", "Likes, comments and shares per view of videos found in the last 30 days"),
    "reach": ("Views per follower", "Median views of videos found in the last 30 days, divided by followers"),
    "breakout": ("Breakout", "Views of the most-viewed video, divided by the median of the creator's other videos"),
    "score": ("Score", "Comet score, 0 to 100; open a creator for the breakdown"),
}

_EXPORT_COLUMNS = (
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


def _without_at(search: str) -> str | None:
    return search.removeprefix("@") or None


class LeaderboardQuery(Parameters):
    """Query parameters of the view; the date defaults to the latest one."""

    date: Day | None = None
    hashtag: Hashtag | None = None
    band: BandKey = COMETS
    search: Annotated[Text, AfterValidator(_without_at)] | None = None
    sort: Sort = "rate"
    order: Direction = "desc"
    page: PageNumber = 1
    size: PageSize = 50

    def link_params(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of a link to this view with some changed; the page resets to the first."""
        current = self.model_dump(exclude_defaults=True, exclude={"page"}, mode="json")
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        params = {**current, **changes}
        return {name: value for name, value in params.items() if value is not None and value != defaults.get(name)}


@router.api_route("/", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """Return the page."""
    query = read_parameters(LeaderboardQuery, request.query_params)
    board = _fetch(query)
    criteria = settings().criteria
    values = {
        "query": query,
        "board": board,
        "criteria": criteria,
        "bands": follower_bands(criteria),
        "columns": COLUMNS,
        "page_count": max(1, math.ceil(board["total_count"] / query.size)),
        "page_sizes": PAGE_SIZES,
        "sort_links": _sort_links(query),
    }
    return render(request, "leaderboard.html", values)


@router.api_route("/fastest", methods=["GET", "HEAD"])
def fastest(request: Request) -> Response:
    """Redirect to the page of the first creator of a list."""
    query = read_parameters(LeaderboardQuery, request.query_params)
    board = _fetch(query.model_copy(update={"page": 1, "size": min(PAGE_SIZES)}))
    links = Links.from_request(request)
    if not board["entries"]:
        return RedirectResponse(links.page("", **query.link_params()), status_code=303)
    return RedirectResponse(links.creator(board["entries"][0]["user_id"], board["recorded_date"]), status_code=303)


@router.api_route("/leaderboard.{kind}", methods=["GET", "HEAD"])
def export(request: Request, kind: Format) -> Response:
    """Return the rows of the page as a file, with unformatted values and the parts of each score."""
    query = read_parameters(LeaderboardQuery, request.query_params)
    board = _fetch(query, has_parts=True)
    version = (board["made"] or {}).get("score_version")
    rows = [{**entry, "score_version": version} for entry in board["entries"]]
    if kind == "csv":
        rows = [{**row, **part_cells(row["parts"])} for row in rows]
    metadata = {
        "recorded_date": board["recorded_date"],
        "total_count": board["total_count"],
        "page": board["page"],
        "page_size": query.size,
        "score_version": version,
        "score_weights": (board["made"] or {}).get("score_weights"),
    }
    name = f"comets-{board['recorded_date'] or 'none'}"
    return Export(name, [*_EXPORT_COLUMNS, *PART_COLUMNS], rows, metadata).response(kind)


def _fetch(query: LeaderboardQuery, has_parts: bool = False) -> dict[str, Any]:
    band = follower_bands(settings().criteria)[query.band]
    return fetch(
        "leaderboard",
        recorded_date=query.date,
        hashtag=query.hashtag,
        min_followers=band.min_followers,
        max_followers=band.max_followers,
        search=query.search,
        sort=query.sort,
        is_descending=query.order == "desc",
        page=query.page,
        page_size=query.size,
        has_parts=has_parts,
    )


def _sort_links(query: LeaderboardQuery) -> dict[Sort, dict[str, Any]]:
    """Return for each column the parameters that sort by it, or reverse the order if the list is sorted by it."""
    links = {}
    for key in COLUMNS:
        order = "asc" if query.sort == key and query.order == "desc" else "desc"
        links[key] = query.link_params(sort=key, order=order)
    return links
