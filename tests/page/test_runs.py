"""The list of runs, and the tab with the Comets of the latest run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from tests.page.conftest import Site, url_of
from tests.page.reading import entries, read, rows
from tests.steps.builders import Row

SCHEDULED = "scheduled__2026-03-10T02:00:00+00:00"
MANUAL = "manual__2026-03-10T09:00:00+00:00"


@pytest.fixture(scope="module", autouse=True)
def runs_in_airflow(site: Site) -> Iterator[None]:
    """Add two of the runs to Airflow; the others count as deleted there."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType

    with create_session() as session:
        for run_id, state in ((SCHEDULED, DagRunState.SUCCESS), (MANUAL, DagRunState.FAILED)):
            session.add(
                DagRun(
                    dag_id="comet_discovery",
                    run_id=run_id,
                    run_after=datetime(2026, 3, 10, tzinfo=UTC),
                    run_type=DagRunType.MANUAL,
                    state=state,
                )
            )
    yield
    with create_session() as session:
        session.query(DagRun).delete()


def test_latest_run_comes_first_with_its_airflow_state(site: Site) -> None:
    found = entries(site, "runs.json")
    assert [(entry["run_id"], entry["state"]) for entry in found] == [
        (MANUAL, "failed"),
        ("manual__2026-03-10T06:00:00+00:00", "not in Airflow"),
        (SCHEDULED, "success"),
        ("scheduled__2026-03-09T02:00:00+00:00", "not in Airflow"),
    ]


def test_run_links_to_airflow_unless_deleted_there(site: Site) -> None:
    links = read(site, "runs").links
    assert "/dags/comet_discovery/runs/scheduled__2026-03-10T02%3A00%3A00%2B00%3A00" in links
    assert not any("2026-03-09" in address for address in links)


def test_counts_come_from_the_report_if_there_is_one(site: Site) -> None:
    manual, _, scheduled, _ = entries(site, "runs.json")
    assert (scheduled["call_count"], scheduled["billed_count"], scheduled["comet_count"]) == (10, 8, 6)
    assert (scheduled["received_count"], scheduled["landed_count"], scheduled["rejected_count"]) == (21, 18, 3)
    assert scheduled["cost_usd"] == pytest.approx(0.008)
    assert manual["is_reported"] is False
    assert (manual["call_count"], manual["billed_count"]) == (4, 3)
    assert (manual["comet_count"], manual["new_comet_count"]) == (2, 1)
    assert (manual["received_count"], manual["landed_count"], manual["rejected_count"]) == (21, 18, 3)


def test_failed_checks_and_stops_show_their_messages(site: Site) -> None:
    text = read(site, "runs").text
    assert "failed TikHub answered for 20% of the creators only" in " ".join(text.split())
    assert "The budget is spent" in text
    assert "1 of 1 checks passed" in text
    assert rows(site, "runs.csv")[0]["check_count"] == "2"


def test_runs_are_paged(site: Site) -> None:
    assert site.get("runs?size=7").status_code == 422
    assert len(read(site, "runs?size=25&page=9").rows) == 5


def test_tab_shows_the_comets_of_the_latest_run(site: Site) -> None:
    page = read(site, "latest?dag=comet_discovery&framed=1")
    assert "2 Comets, 1 new" in page.text
    assert "(failed)" in page.text
    assert page.rows[1][1:4] == ["@ada.plays Ada plays", "45,230", "+5,230"]
    assert page.rows[2][1].startswith("@dee new")


def test_tab_of_another_dag_points_to_comet_discovery(site: Site) -> None:
    page = read(site, "latest?dag=forget_creator&framed=1")
    assert "This Dag does not find Comets; the Dag comet_discovery does." in page.text
    assert "ada" not in page.text


def test_large_run_is_listed_with_its_first_hashtags(
    connect_to: Callable[[str], Site], database: psycopg.Connection[Row]
) -> None:
    tags = [f"topic{number}" for number in range(2000)]
    database.execute("update comet_runs set hashtags = %s where run_id = %s", [tags, MANUAL])
    site = connect_to(url_of(database))
    assert "+1995 more" in read(site, "runs").text
    (entry,) = [entry for entry in entries(site, "runs.json") if entry["run_id"] == MANUAL]
    assert (entry["hashtag_count"], entry["hashtags"]) == (2000, tags[:20])
    assert "report" not in entry
