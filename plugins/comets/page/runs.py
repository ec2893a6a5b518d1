"""The runs: what each gave and cost, and how it ended in Airflow."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from comets.page.airflow_runs import run_states
from comets.page.data import fetch
from comets.page.exports import Export, Format
from comets.page.parameters import PAGE_SIZES, PageNumber, PageSize, Parameters, read_parameters
from comets.page.rendering import render
from comets.settings import settings

router = APIRouter()

DELETED = "deleted in Airflow"

_FIGURES = (
    "run_id",
    "state",
    "recorded_date",
    "accepted_at",
    "is_live",
    "is_refresh",
    "is_date_recorded",
    "is_reported",
    "hashtags",
    "call_count",
    "billed_count",
    "cost_usd",
    "max_api_calls",
    "received_count",
    "landed_count",
    "rejected_count",
    "comet_count",
    "new_comet_count",
    "check_count",
    "failed_checks",
    "stop_reasons",
)


class RunsQuery(Parameters):
    """What the list is asked for."""

    page: PageNumber = 1
    size: PageSize = 25

    def changed(self, **changes: Any) -> dict[str, Any]:
        """The parameters of a link that asks for something else."""
        return {**self.model_dump(exclude_defaults=True, exclude={"page"}), **changes}


@router.api_route("/runs", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """The page."""
    asked = read_parameters(RunsQuery, request.query_params)
    found = _fetch(asked)
    values = {
        "asked": asked,
        "found": found,
        "page_count": max(1, math.ceil(found["total_count"] / asked.size)),
        "page_sizes": PAGE_SIZES,
        "price_usd": settings().budget.price_per_call_usd,
        "deleted": DELETED,
    }
    return render(request, "runs.html", values)


@router.api_route("/runs.{kind}", methods=["GET", "HEAD"])
def export(request: Request, kind: Format) -> Response:
    """What is on the page, in plain figures."""
    asked = read_parameters(RunsQuery, request.query_params)
    found = _fetch(asked)
    about = {"total_count": found["total_count"], "page": found["page"], "page_size": asked.size}
    return Export(f"comet-runs-page-{found['page']}", _FIGURES, found["entries"], about).answer(kind)


def _fetch(asked: RunsQuery) -> dict[str, Any]:
    price = settings().budget.price_per_call_usd
    found = fetch("runs", page=asked.page, page_size=asked.size, price_usd=price)
    states = run_states([entry["run_id"] for entry in found["entries"]])
    for entry in found["entries"]:
        failed = [check for check in entry["checks"] if check["is_failed"]]
        entry["state"] = states.get(entry["run_id"], DELETED)
        entry["check_count"] = len(entry["checks"])
        entry["failed_checks"] = [check["message"] for check in failed]
        # A failed check is listed among the checks.
        entry["other_stops"] = [
            reason
            for reason in entry["stop_reasons"] or _refusals(entry["refusals"])
            if not any(check["message"] in reason for check in failed)
        ]
        entry["stop_reasons"] = [*entry["failed_checks"], *entry["other_stops"]]
    return found


def _refusals(reasons: list[str]) -> list[str]:
    return ["The run's budget was spent." if reason == "budget" else f"Stopped by {reason}." for reason in reasons]
