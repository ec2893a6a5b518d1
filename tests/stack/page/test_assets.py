"""Other Dags hear of a new day of Comets through Airflow's assets."""

from __future__ import annotations

from comets import assets
from tests.stack.page.days import FIRST, LAST, run_id_of
from tests.stack.running_stack import RunningStack

TABLES = {
    assets.CREATORS.name: "update_creators",
    assets.COMET_DISCOVERIES.name: "update_creators",
    assets.CREATOR_STATS.name: "record_growth",
    assets.COMET_SCORES.name: "score_creators",
}


def test_each_run_tells_once_per_table_which_date_is_complete(days: RunningStack) -> None:
    for day in (FIRST, LAST):
        run_id = run_id_of(day)
        events = [event for event in days.api.asset_events() if event.source_run_id == run_id]
        assert {event.name: event.source_task_id for event in events} == TABLES
        assert len(events) == len(TABLES)
        for event in events:
            assert event.extra == {"recorded_date": str(day), "run_id": run_id}
