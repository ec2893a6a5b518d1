"""Hashtag performance: results and cost of each hashtag's searches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from comets.hashtags import MIN_TAGGED_SAMPLE, MIN_TAGGED_SHARE, is_hashtag_rare
from comets.page.data import fetch
from comets.page.exports import Export, Format
from comets.page.parameters import PAGE_SIZES, Direction, PageNumber, PageSize, Parameters, read_parameters
from comets.page.rendering import render
from comets.settings import settings

router = APIRouter()

Sort = Literal["hashtag", "runs", "videos", "precision", "comets", "new", "calls", "yield", "tagged", "cost", "trend"]

COLUMNS: dict[Sort, tuple[str, str, str]] = {
    "hashtag": ("hashtag", "Hashtag", "Hashtag as searched"),
    "runs": ("run_count", "Runs", "Runs that searched this hashtag"),
    "videos": ("video_count", "Videos", "Videos found by the latest run of each date"),
    "precision": ("precision_rate", "Precision", "Share of these videos tagged with the hashtag"),
    "comets": ("comet_count", "Comets", "Distinct Comets found"),
    "new": ("new_comet_count", "New Comets", "Comets not tracked before"),
    "calls": ("billed_count", "Paid calls", "Calls billed by TikHub"),
    "yield": ("new_comets_per_call", "Yield", "New Comets per paid call"),
    "tagged": ("new_tagged_comets_per_call", "Tagged yield", "New Comets with a tagged video, per paid call"),
    "cost": ("cost_per_new_comet_usd", "Cost per new Comet", "Cost of all paid calls divided by new Comets"),
    "trend": ("trend", "Trend", "New Comets in the later half of the period minus those in the earlier half"),
}

_EXPORT_COLUMNS = (
    "hashtag",
    "run_count",
    "date_count",
    "video_count",
    "tagged_count",
    "precision_rate",
    "comet_count",
    "new_comet_count",
    "new_tagged_comet_count",
    "call_count",
    "billed_count",
    "cost_usd",
    "new_comets_per_call",
    "new_tagged_comets_per_call",
    "cost_per_new_comet_usd",
    "earlier_new_comet_count",
    "later_new_comet_count",
    "trend",
)

BAR_HEIGHT = 24
BAR_STEP = 4
BAR_GAP = 1


class HashtagsQuery(Parameters):
    """Query parameters of the view."""

    days: Annotated[int, Field(ge=2, le=366)] = 30
    sort: Sort = "yield"
    order: Direction = "desc"
    page: PageNumber = 1
    size: PageSize = 50

    def link_params(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of a link to this view with some changed; the page resets to the first."""
        return {**self.model_dump(exclude_defaults=True, exclude={"page"}), **changes}


@dataclass(frozen=True)
class BarChart:
    """A bar chart as one SVG path: an element per bar would be thousands on a page.

    :param width: in the units of the path
    :param path: one rectangle per bar
    :param text: summary for screen readers
    """

    width: int
    path: str
    text: str


@router.api_route("/hashtags", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """Return the page."""
    query = read_parameters(HashtagsQuery, request.query_params)
    result = _fetch(query)
    for entry in result["entries"]:
        entry["is_hashtag_rare"] = is_hashtag_rare(entry["tagged_count"], entry["video_count"])
        entry["chart"] = bar_chart(entry["days"], result["first_date"], query.days)
    values = {
        "query": query,
        "result": result,
        "columns": COLUMNS,
        "page_count": max(1, math.ceil(result["total_count"] / query.size)),
        "page_sizes": PAGE_SIZES,
        "price_usd": settings().budget.price_per_call_usd,
        "min_tagged_sample": MIN_TAGGED_SAMPLE,
        "min_tagged_share": MIN_TAGGED_SHARE,
        "sort_links": {key: query.link_params(sort=key, order=_next_order(query, key)) for key in COLUMNS},
    }
    return render(request, "hashtags.html", values)


@router.api_route("/hashtags.{kind}", methods=["GET", "HEAD"])
def export(request: Request, kind: Format) -> Response:
    """Return the rows of the page as a file, with unformatted values."""
    query = read_parameters(HashtagsQuery, request.query_params)
    result = _fetch(query)
    metadata = {
        "first_date": result["first_date"],
        "last_date": result["last_date"],
        "days": query.days,
        "total_count": result["total_count"],
        "page": result["page"],
        "page_size": query.size,
    }
    name = f"comet-hashtags-{query.days}-days-to-{result['last_date'] or 'none'}"
    return Export(name, _EXPORT_COLUMNS, result["entries"], metadata).response(kind)


def bar_chart(days: Sequence[Mapping[str, Any]], first_date: date, day_count: int) -> BarChart:
    """Return the chart of new Comets per day: no bar for a day without a run, a flat one for a day without any."""
    maximum = max((day["new_comet_count"] for day in days), default=0)
    bars = []
    for day in days:
        index = (date.fromisoformat(day["recorded_date"]) - first_date).days
        height = max(1.0, round(BAR_HEIGHT * day["new_comet_count"] / (maximum or 1), 1))
        width = BAR_STEP - BAR_GAP
        bars.append(f"M{index * BAR_STEP} {BAR_HEIGHT - height:g}h{width}V{BAR_HEIGHT}h-{width}z")
    text = f"New Comets per day: maximum {maximum:,}, runs on {len(days):,} of {day_count:,} days"
    return BarChart(day_count * BAR_STEP - BAR_GAP, "".join(bars), text)


def _next_order(query: HashtagsQuery, key: Sort) -> Direction:
    if query.sort == key:
        return "asc" if query.order == "desc" else "desc"
    return "asc" if key == "hashtag" else "desc"


def _fetch(query: HashtagsQuery) -> dict[str, Any]:
    return fetch(
        "hashtags",
        day_count=query.days,
        price_usd=settings().budget.price_per_call_usd,
        sort=query.sort,
        is_descending=query.order == "desc",
        page=query.page,
        page_size=query.size,
    )
