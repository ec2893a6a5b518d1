"""The runs with their cost and Airflow state, and the Comets of the latest one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from comets.page.data import fetch, find
from comets.page.exports import Export, Format
from comets.page.parameters import PageNumber, PageSize, Parameters, read_parameters
from comets.page.rendering import render
from comets.settings import DAG_ID, settings

router = APIRouter()

NOT_IN_AIRFLOW = "not in Airflow"

MAX_LISTED_HASHTAGS = 20
"""Hashtags of a run in the list and its exports; `hashtag_count` is their number."""

_EXPORT_COLUMNS = (
    "run_id",
    "state",
    "recorded_date",
    "accepted_at",
    "is_live",
    "is_refresh",
    "is_date_recorded",
    "is_reported",
    "hashtags",
    "hashtag_count",
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
    """Query parameters of the list."""

    page: PageNumber = 1
    size: PageSize = 25

    def link_params(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of a link to the list with some changed; the page resets to the first."""
        return {**self.model_dump(exclude_defaults=True, exclude={"page"}), **changes}


class LatestQuery(Parameters):
    """The Dag whose tab is open; Airflow adds the tab to each Dag's page."""

    dag: str = DAG_ID


@router.api_route("/runs", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """Return the list of runs."""
    query = read_parameters(RunsQuery, request.query_params)
    result = _fetch(query)
    values = {
        "query": query,
        "result": result,
        "page_count": max(1, math.ceil(result["total_count"] / query.size)),
        "price_usd": settings().budget.price_per_call_usd,
        "not_in_airflow": NOT_IN_AIRFLOW,
    }
    return render(request, "runs.html", values)


@router.api_route("/runs.{kind}", methods=["GET", "HEAD"])
def export(request: Request, kind: Format) -> Response:
    """Return the rows of the list as a file, with unformatted values."""
    query = read_parameters(RunsQuery, request.query_params)
    result = _fetch(query)
    metadata = {"total_count": result["total_count"], "page": result["page"], "page_size": query.size}
    return Export(f"comet-runs-page-{result['page']}", _EXPORT_COLUMNS, result["entries"], metadata).response(kind)


@router.api_route("/latest", methods=["GET", "HEAD"])
def latest(request: Request) -> Response:
    """Return the Comets of the latest run, for the tab on the Dag's page in Airflow."""
    query = read_parameters(LatestQuery, request.query_params)
    if query.dag != DAG_ID:
        return render(request, "other_dag.html", {"dag_id": DAG_ID})
    run = find("latest")
    state = run_states([run["run_id"]]).get(run["run_id"], NOT_IN_AIRFLOW) if run else None
    return render(request, "latest.html", {"run": run, "state": state, "not_in_airflow": NOT_IN_AIRFLOW})


def run_states(run_ids: Sequence[str]) -> dict[str, str]:
    """Return the state of each run that exists in Airflow's database."""
    if not run_ids:
        return {}
    with create_session() as session:
        rows = session.execute(
            select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == DAG_ID, DagRun.run_id.in_(run_ids))
        )
        return {run_id: str(getattr(state, "value", state)) for run_id, state in rows}


def _fetch(query: RunsQuery) -> dict[str, Any]:
    price = settings().budget.price_per_call_usd
    result = fetch("runs", page=query.page, page_size=query.size, price_usd=price, hashtag_limit=MAX_LISTED_HASHTAGS)
    states = run_states([entry["run_id"] for entry in result["entries"]])
    for entry in result["entries"]:
        failed = [check for check in entry["checks"] if check["is_failed"]]
        entry["state"] = states.get(entry["run_id"], NOT_IN_AIRFLOW)
        entry["check_count"] = len(entry["checks"])
        entry["failed_checks"] = [check["message"] for check in failed]
        entry["other_stops"] = [
            reason
            for reason in entry["stop_reasons"] or _skip_reasons(entry["refusals"])
            if not any(check["message"] in reason for check in failed)
        ]
        entry["stop_reasons"] = [*entry["failed_checks"], *entry["other_stops"]]
    return result


def _skip_reasons(reasons: list[str]) -> list[str]:
    return ["Call budget spent." if reason == "budget" else f"Stopped by {reason}." for reason in reasons]
