"""A run emits asset events that other Dags can be scheduled on."""

from __future__ import annotations

from comets import assets
from tests.stack.page.days import MISSED, MISSED_RUN_ID
from tests.stack.running_stack import RunningStack

TABLES = {
    assets.CREATORS.name: "update_creators",
    assets.COMET_DISCOVERIES.name: "update_creators",
    assets.CREATOR_STATS.name: "record_growth",
    assets.COMET_SCORES.name: "score_creators",
}


def test_run_emits_one_event_per_table_with_its_date(days: RunningStack) -> None:
    events = [event for event in days.api.asset_events() if event.source_run_id == MISSED_RUN_ID]
    assert sorted((event.name, event.source_task_id) for event in events) == sorted(TABLES.items())
    for event in events:
        assert event.extra == {"recorded_date": str(MISSED), "run_id": MISSED_RUN_ID}
