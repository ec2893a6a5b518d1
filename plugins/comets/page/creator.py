"""The page of one creator on one date: ranks, score breakdown, qualifying videos and follower history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from comets.page import formatting
from comets.page.data import find
from comets.page.exports import PART_LABELS, Export, Format
from comets.page.parameters import COMETS, Day, Parameters, follower_bands, read_parameters
from comets.page.problems import NotFoundError
from comets.page.rendering import json_text, render
from comets.settings import settings
from comets.values import clean_text

router = APIRouter()

Table = Literal["days", "parts", "videos"]

_COLUMNS: dict[Table, Sequence[str]] = {
    "days": (
        "recorded_date",
        "follower_count",
        "basis",
        "daily_growth_followers",
        "daily_growth_percent",
        "gap_days",
        "heart_count",
        "video_count",
    ),
    "parts": (
        "recorded_date",
        "part",
        "value",
        "unit",
        "percentile",
        "peer_count",
        "weight",
        "points",
        "sample_count",
        "sample_unit",
        "is_thin",
        "score_version",
    ),
    "videos": (
        "video_id",
        "caption",
        "published_at",
        "observed_at",
        "play_count",
        "like_count",
        "comment_count",
        "share_count",
        "save_count",
        "views_per_hour",
        "lifetime_views_per_hour",
        "engagement_rate",
        "breakout_ratio",
        "first_date",
        "last_date",
        "hashtags",
    ),
}

_UNITS: dict[str, tuple[Callable[[float | None], str], str]] = {
    "fraction per day": (formatting.signed_rate, "per day"),
    "fraction of views": (formatting.rate, "of views"),
}


class CreatorQuery(Parameters):
    """Query parameters; the date defaults to the creator's latest one."""

    date: Day | None = None


@router.api_route("/creators/{user_id}", methods=["GET", "HEAD"])
def page(request: Request, user_id: str) -> Response:
    """Return the page."""
    result = _find(request, user_id)
    points = [{name: day[name] for name in ("recorded_date", "follower_count", "basis")} for day in result["days"]]
    values = {
        "result": result,
        "creator": result["creator"],
        "figures": result["figures"],
        "band": follower_bands(settings().criteria)[COMETS],
        "metrics": formatting.metric_rows(result["metrics"]),
        "part_labels": PART_LABELS,
        "small_samples": _small_samples(result["parts"]),
        "points": json_text([point for point in points if point["follower_count"] is not None]),
    }
    return render(request, "creator.html", values)


@router.api_route("/creators/{user_id}/{table}.{kind}", methods=["GET", "HEAD"])
def export(request: Request, user_id: str, table: Table, kind: Format) -> Response:
    """Return one table of the page as a file, with unformatted values."""
    result = _find(request, user_id)
    metadata = {
        "creator": result["creator"],
        "recorded_date": result["recorded_date"],
        "score": (result["figures"] or {}).get("score"),
        "is_low_confidence": (result["figures"] or {}).get("is_low_confidence"),
        "score_version": (result["made"] or {}).get("score_version"),
    }
    rows = [{**row, "score_version": metadata["score_version"]} for row in result[table]]
    name = f"comet-{''.join(filter(str.isalnum, user_id))[:40]}-{table}-{result['recorded_date'] or 'none'}"
    return Export(name, _COLUMNS[table], rows, metadata).response(kind)


def _find(request: Request, user_id: str) -> dict[str, Any]:
    query = read_parameters(CreatorQuery, request.query_params)
    band = follower_bands(settings().criteria)[COMETS]
    result = find(
        "creator",
        user_id=clean_text(user_id),
        recorded_date=query.date,
        min_followers=band.min_followers,
        max_followers=band.max_followers,
    )
    if result is None:
        raise NotFoundError("No tracked creator has this id. It may have been erased, or the address is incomplete.")
    figures = result["figures"] or {}
    for part in result["parts"]:
        format_value, part["unit_text"] = _UNITS.get(part["unit"], (formatting.ratio, part["unit"]))
        part["written"] = format_value(part["value"])
    for video in result["videos"]:
        is_breakout = video["video_id"] == figures.get("breakout_video_id")
        video["breakout_ratio"] = figures["breakout_ratio"] if is_breakout else None
    return result


def _small_samples(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a text for each part of the score that has a small sample."""
    return [
        f"{PART_LABELS.get(part['part'], part['part'])} is based on"
        f" {formatting.sample(part['sample_count'], part['sample_unit'])}"
        for part in parts
        if part["is_thin"]
    ]
