"""A creator: why it ranks where it does on a date, and what proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from comets.page import figures
from comets.page.bands import COMETS, bands
from comets.page.data import find
from comets.page.exports import Export, Format
from comets.page.metrics import metric_rows
from comets.page.parameters import Day, Parameters, read_parameters
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

# How the value of a part is written, and what stands behind it, by its unit.
_UNITS: dict[str, tuple[Callable[[float | None], str], str]] = {
    "fraction per day": (figures.signed_rate, "a day"),
    "fraction of views": (figures.rate, "of views"),
}

PART_LABELS = {
    "growth": "Growth",
    "acceleration": "Acceleration",
    "engagement": "Engagement",
    "reach": "Reach",
    "breakout": "Breakout",
}


class CreatorQuery(Parameters):
    """What a creator's page is asked for; no date is the creator's latest one."""

    date: Day | None = None


@router.api_route("/creators/{user_id}", methods=["GET", "HEAD"])
def page(request: Request, user_id: str) -> Response:
    """The page."""
    found = _find(request, user_id)
    points = [{name: day[name] for name in ("recorded_date", "follower_count", "basis")} for day in found["days"]]
    values = {
        "found": found,
        "creator": found["creator"],
        "figures": found["figures"],
        "band": bands(settings().criteria)[COMETS],
        "metrics": metric_rows(found["metrics"]),
        "part_labels": PART_LABELS,
        "doubts": _doubts(found["parts"]),
        "points": json_text([point for point in points if point["follower_count"] is not None]),
    }
    return render(request, "creator.html", values)


@router.api_route("/creators/{user_id}/{table}.{kind}", methods=["GET", "HEAD"])
def export(request: Request, user_id: str, table: Table, kind: Format) -> Response:
    """One of the tables of the page, in plain figures."""
    found = _find(request, user_id)
    about = {
        "creator": found["creator"],
        "recorded_date": found["recorded_date"],
        "score": (found["figures"] or {}).get("score"),
        "is_low_confidence": (found["figures"] or {}).get("is_low_confidence"),
        "score_version": (found["made"] or {}).get("score_version"),
    }
    rows = [{**row, "score_version": about["score_version"]} for row in found[table]]
    name = f"comet-{''.join(filter(str.isalnum, user_id))[:40]}-{table}-{found['recorded_date'] or 'none'}"
    return Export(name, _COLUMNS[table], rows, about).answer(kind)


def _find(request: Request, user_id: str) -> dict[str, Any]:
    asked = read_parameters(CreatorQuery, request.query_params)
    band = bands(settings().criteria)[COMETS]
    found = find(
        "creator",
        user_id=clean_text(user_id),
        recorded_date=asked.date,
        min_followers=band.min_followers,
        max_followers=band.max_followers,
    )
    if found is None:
        raise NotFoundError("No creator is tracked by this id. It may have been erased, or the address is incomplete.")
    scored = found["figures"] or {}
    for part in found["parts"]:
        write, part["unit_text"] = _UNITS.get(part["unit"], (figures.times, part["unit"]))
        part["written"] = write(part["value"])
    for video in found["videos"]:
        is_breakout = video["video_id"] == scored.get("breakout_video_id")
        video["breakout_ratio"] = scored["breakout_ratio"] if is_breakout else None
    return found


def _doubts(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which parts of the score rest on too little, for a person."""
    thin = [part for part in parts if part["is_thin"]]
    samples = [figures.sample(part["sample_count"], part["sample_unit"]) for part in thin]
    labels = [PART_LABELS.get(part["part"], part["part"]) for part in thin]
    return [f"{label} rests on {sample}" for label, sample in zip(labels, samples, strict=True)]
