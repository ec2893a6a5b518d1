"""The Comets of the latest run, for the tab on the Dag's own page in Airflow."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from comets.page.airflow_runs import run_states
from comets.page.data import find
from comets.page.parameters import Parameters, read_parameters
from comets.page.rendering import render
from comets.page.runs import DELETED
from comets.settings import DAG_ID

router = APIRouter()


class LatestQuery(Parameters):
    """The Dag on whose page the tab stands; Airflow puts it onto the page of each Dag."""

    dag: str = DAG_ID


@router.api_route("/latest", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """The page."""
    asked = read_parameters(LatestQuery, request.query_params)
    if asked.dag != DAG_ID:
        return render(request, "other_dag.html", {"dag_id": DAG_ID})
    run = find("latest")
    state = run_states([run["run_id"]]).get(run["run_id"], DELETED) if run else None
    return render(request, "latest.html", {"run": run, "state": state, "deleted": DELETED})
