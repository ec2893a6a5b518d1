"""The hashtags: what each gave and cost."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from comets.hashtags import MIN_TAGGED_SAMPLE, MIN_TAGGED_SHARE, is_hashtag_rare
from comets.page.bars import bars
from comets.page.data import fetch
from comets.page.exports import Export, Format
from comets.page.parameters import Direction, Parameters, read_parameters
from comets.page.rendering import render
from comets.settings import settings

router = APIRouter()

Sort = Literal["hashtag", "runs", "videos", "precision", "comets", "new", "calls", "yield", "tagged", "cost", "trend"]

# The figure behind each heading, the heading, and what it says.
COLUMNS: dict[Sort, tuple[str, str, str]] = {
    "hashtag": ("hashtag", "Hashtag", "As it is searched"),
    "runs": ("run_count", "Runs", "Runs that searched it"),
    "videos": ("video_count", "Videos", "Videos found, of the latest run of each date"),
    "precision": ("precision_rate", "Precision", "Share of these videos that carry the hashtag"),
    "comets": ("comet_count", "Comets", "Different Comets found"),
    "new": ("new_comet_count", "New Comets", "Comets that were not tracked before"),
    "calls": ("billed_count", "Paid calls", "Calls that TikHub has billed"),
    "yield": ("new_comets_per_call", "Yield", "New Comets by paid calls"),
    "tagged": ("new_tagged_comets_per_call", "Yield, tagged", "New Comets of videos that carry it by paid calls"),
    "cost": ("cost_per_new_comet_usd", "Cost per new Comet", "Paid calls at the price of one, by new Comets"),
    "trend": ("trend", "Trend", "New Comets of the later half of the days, less those of the earlier half"),
}

_FIGURES = (
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


class HashtagsQuery(Parameters):
    """What the list is asked for."""

    days: Annotated[int, Field(ge=2, le=366)] = 30
    sort: Sort = "yield"
    order: Direction = "desc"

    def changed(self, **changes: Any) -> dict[str, Any]:
        """The parameters of a link that asks for something else."""
        return {**self.model_dump(exclude_defaults=True), **changes}


@router.api_route("/hashtags", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """The page."""
    asked = read_parameters(HashtagsQuery, request.query_params)
    found = _fetch(asked)
    for entry in found["entries"]:
        entry["is_hashtag_rare"] = is_hashtag_rare(entry["tagged_count"], entry["video_count"])
        entry["bars"] = bars(entry["days"], found["first_date"], asked.days)
    values = {
        "asked": asked,
        "found": found,
        "columns": COLUMNS,
        "price_usd": settings().budget.price_per_call_usd,
        "min_tagged_sample": MIN_TAGGED_SAMPLE,
        "min_tagged_share": MIN_TAGGED_SHARE,
        "sort_links": {key: asked.changed(sort=key, order=_next_order(asked, key)) for key in COLUMNS},
    }
    return render(request, "hashtags.html", values)


@router.api_route("/hashtags.{kind}", methods=["GET", "HEAD"])
def export(request: Request, kind: Format) -> Response:
    """What is on the page, in plain figures."""
    asked = read_parameters(HashtagsQuery, request.query_params)
    found = _fetch(asked)
    about = {"first_date": found["first_date"], "last_date": found["last_date"], "days": asked.days}
    name = f"comet-hashtags-{asked.days}-days-to-{found['last_date'] or 'none'}"
    return Export(name, _FIGURES, found["entries"], about).answer(kind)


def _next_order(asked: HashtagsQuery, key: Sort) -> Direction:
    if asked.sort == key:
        return "asc" if asked.order == "desc" else "desc"
    return "asc" if key == "hashtag" else "desc"


def _fetch(asked: HashtagsQuery) -> dict[str, Any]:
    found = fetch("hashtags", day_count=asked.days, price_usd=settings().budget.price_per_call_usd)
    figure = COLUMNS[asked.sort][0]
    known = [entry for entry in found["entries"] if entry[figure] is not None]
    unknown = [entry for entry in found["entries"] if entry[figure] is None]
    # They come by name, and equal ones stay so.
    known.sort(key=lambda entry: entry[figure], reverse=asked.order == "desc")
    return {**found, "entries": known + unknown}
