"""The last task of a run: report its result, and fail the run if a part of it failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from airflow.sdk import BaseOperator, Context, XComArg
from airflow.sdk.exceptions import AirflowFailException

from comets.database.client import Database, connect
from comets.hashtags import is_hashtag_rare
from comets.reporting import lines as report_lines
from comets.reporting.totals import HashtagTask, RunTotals, is_extracted, set_outcomes, store_totals
from comets.runs.notes import push_run_note, result_line
from comets.settings import settings

MAX_NAMES = 20


class ReportOperator(BaseOperator):
    """Log the Comets of the run and a summary per hashtag, store the totals, and fail if a hashtag or a step failed.

    :param extract_task_id: the mapped task that searches the hashtags
    :param groups: the hashtags of its instances, by map index
    """

    template_fields = ("groups",)

    def __init__(self, *, extract_task_id: str, groups: list[list[str]] | XComArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extract_task_id = extract_task_id
        self.groups: Any = groups

    def execute(self, context: Context) -> None:
        """Report the run.

        :raises AirflowFailException: names the failed hashtags and steps, and how to repair the run.
        """
        dag_run = context["dag_run"]
        run_id = dag_run.run_id
        run: dict[str, Any] = {"run_id": run_id, "run_attempt": dag_run.clear_number or 0}
        states = self._task_states(context)
        with connect(timeout=self.execution_timeout) as database:
            summary = database.fetch_one("reporting/run_summary", run_id=run_id)
            hashtags = database.fetch_all("reporting/hashtags", **run)
            stops = database.fetch_all("reporting/stops", **run)
            comets = database.fetch_all("reporting/comets", run_id=run_id)
            calls = database.fetch_one("reporting/calls", run_id=run_id)
            failed_hashtags = set_outcomes(
                hashtags, self._states_of_hashtags(states), lambda hashtag: is_extracted(database, run_id, hashtag)
            )
            self._log_found(comets, hashtags, calls)
            self._log_fetched(database, run, summary, stops)
            stop_reasons = [report_lines.stop_reason(stop, summary["max_api_calls"]) for stop in stops]
            store_totals(database, RunTotals(run_id, comets, hashtags, calls, stop_reasons))
        failed_steps = sorted(
            task for task, state in states.items() if state == "failed" and not self._is_extract(task)
        )
        push_run_note(
            context,
            summary["recorded_date"],
            result_line(
                comets, calls, settings().budget.price_per_call_usd, failed_hashtags, failed_steps, stop_reasons
            ),
        )
        if failed_hashtags or failed_steps:
            raise AirflowFailException(report_lines.failure_text(summary, failed_hashtags, failed_steps, stops))

    def _task_states(self, context: Context) -> dict[str, str | None]:
        """Return the states of this run's other tasks; a mapped instance is named ``<task_id>_<map index>``."""
        ti = context["ti"]
        states: dict[str, Any] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])
        return {task: state for task, state in states.get(ti.run_id, {}).items() if task != self.task_id}

    def _is_extract(self, task: str) -> bool:
        return task.startswith(f"{self.extract_task_id}_")

    def _states_of_hashtags(self, states: dict[str, str | None]) -> dict[str, HashtagTask]:
        return {
            hashtag: HashtagTask(states.get(f"{self.extract_task_id}_{index}"), len(group))
            for index, group in enumerate(self.groups)
            for hashtag in group
        }

    def _log_found(self, comets: list[dict[str, Any]], hashtags: list[dict[str, Any]], calls: dict[str, Any]) -> None:
        price = settings().budget.price_per_call_usd
        self._log(map(report_lines.comet_line, comets))
        self.log.info("Total Comets discovered: %d", len(comets))
        self._log(report_lines.hashtag_lines(hashtags, price))
        for row in hashtags:
            if row["received_count"] != row["landed_count"] + row["rejected_count"]:
                self.log.error("#%s: received items are neither landed nor rejected", row["hashtag"])
            if is_hashtag_rare(row["tagged_count"], row["video_count"]):
                self.log.warning("%s", report_lines.rare_hashtag_line(row))
        new_comet_count = sum(comet["is_new"] for comet in comets)
        self._log(report_lines.cost_lines(calls, new_comet_count, price))

    def _log_fetched(
        self, database: Database, run: dict[str, Any], summary: dict[str, Any], stops: list[dict[str, Any]]
    ) -> None:
        self._log((report_lines.stop_line(stop, summary["max_api_calls"]) for stop in stops), logging.ERROR)
        self._log(report_lines.source_lines(summary))
        unread_count = summary["unreachable_count"] + summary["no_account_count"]
        if unread_count:
            rows = database.fetch_all("reporting/unreachable", run_id=run["run_id"], row_limit=MAX_NAMES)
            self.log.warning("%s", report_lines.unreachable_line(rows, unread_count))
        if summary["not_asked_count"]:
            self.log.warning("%s", report_lines.not_fetched_line(summary, bool(stops)))
        if summary["unidentified_count"]:
            self.log.warning("%s", report_lines.unidentified_line(summary))
        self.log.info("%s", report_lines.tracked_line(summary))
        snapshots = database.fetch_all("reporting/snapshots", run_id=run["run_id"])
        self.log.info("%s", report_lines.snapshots_line(summary, snapshots))

    def _log(self, lines: Iterable[str], level: int = logging.INFO) -> None:
        for line in lines:
            self.log.log(level, "%s", line)
