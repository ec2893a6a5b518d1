"""Find TikTok creators before they are big: hashtags in, a table of growing Comets out, every day at 02:00."""

from functools import partial
from pathlib import Path

import pendulum
from airflow.sdk import DAG, TaskGroup, TriggerRule

from comets.assets import COMET_DISCOVERIES, COMET_SCORES, CREATOR_STATS, CREATORS, outlets
from comets.notifications.notifier import RUN_CALLBACKS, CometNotifier
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.defaults import task_defaults
from comets.operators.extract_videos import ExtractVideosOperator
from comets.operators.quality_check import QualityCheckOperator
from comets.operators.report import ReportOperator
from comets.operators.roll_call import PlanRollCallOperator, RollCallOperator
from comets.operators.sql_step import SqlStepOperator
from comets.params import trigger_form
from comets.settings import DAG_ID, POOL, SQL_FOLDER, settings

group = partial(TaskGroup, prefix_group_id=False)

with DAG(
    dag_id=DAG_ID,
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2020, 1, 1, tz=settings().timezone),
    catchup=False,
    params=trigger_form(settings()),
    template_searchpath=str(SQL_FOLDER),
    description=__doc__,
    doc_md=str(Path(__file__).with_suffix(".md")),
    tags=["comets", "tiktok", "discovery"],
    # A failed hashtag or batch stops nothing unless all of them failed; a refused run stops everything.
    default_args=task_defaults(settings(), trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS),
):
    accept_run = AcceptRunOperator(task_id="accept_run", on_failure_callback=CometNotifier(has_failed=True))
    with group("search"):
        extract_videos = ExtractVideosOperator.partial(
            task_id="extract_videos", pool=POOL, map_index_template="{{ task.title }}"
        ).expand(hashtags=accept_run.output)
        # Another direct upstream would let it run although every hashtag failed.
        check_search = QualityCheckOperator(task_id="check_search", step="search")
        filter_comets = SqlStepOperator(task_id="filter_comets")
        upsert_creators = SqlStepOperator(task_id="upsert_creators")
    with group("profiles"):
        plan_roll_call = PlanRollCallOperator(task_id="plan_roll_call")
        roll_call = RollCallOperator.partial(
            task_id="roll_call", pool=POOL, map_index_template="batch {{ task.batch_number }}"
        ).expand(batch_number=plan_roll_call.output)
        check_roll_call = QualityCheckOperator(task_id="check_roll_call", step="roll_call", after="search")
    with group("publish"):
        update_creators = SqlStepOperator(
            task_id="update_creators", step="upsert_creators", **outlets(CREATORS, COMET_DISCOVERIES)
        )
        record_growth = SqlStepOperator(task_id="record_growth", **outlets(CREATOR_STATS))
        score_creators = SqlStepOperator(task_id="score_creators", **outlets(COMET_SCORES))
        report = ReportOperator(
            task_id="report", extract_task_id="extract_videos", groups=accept_run.output, **RUN_CALLBACKS
        )

    extract_videos >> check_search >> filter_comets >> upsert_creators >> plan_roll_call
    roll_call >> check_roll_call >> update_creators >> record_growth >> score_creators >> report
    # Profiles are fetched even when every hashtag or a check failed: TikTok has no history.
    accept_run >> [plan_roll_call, check_roll_call, report]
