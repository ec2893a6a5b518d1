"""The last task of a run: say what came of it, and end it red when a part failed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from comets.database import Database, connect
from comets.settings import settings
from comets.tables import text_table
from comets.text import printable_text

HEALING = (
    "To heal the run: put the cause right, then clear the failed task instance in the grid, with Downstream ticked and "
    "Only Failed not ticked. What was landed is kept and not paid for again."
)

HASHTAG_COLUMNS = {
    "hashtag": "hashtag",
    "outcome": "outcome",
    "page_count": "pages",
    "received_count": "received",
    "landed_count": "landed",
    "rejected_count": "rejected",
    "comet_count": "Comets",
    "new_comet_count": "new",
    "call_count": "calls",
    "billed_count": "billed",
}


MODE = "{mode}: {made_search_count} searches made, {reused_search_count} re-used"
ROLL_CALL = (
    "Roll call of {member_count:,} creators: {read_count:,} read, {reused_count:,} re-used (answered on that date or "
    "later), {unreachable_count:,} unreachable, {no_account_count:,} without an account, {not_asked_count:,} not asked"
)
STANDING = (
    "Tracked creators: {creator_count:,}, of them {graduated_count:,} graduated (above the band) and "
    "{missing_count:,} missing (unreachable on three dates, asked weekly)"
)
CALLS = (
    "TikHub calls of this run: {call_count:,} made ({profile_call_count:,} for profiles), {billed_count:,} billed, "
    "{unknown_count:,} of unknown billing, about {cost:.3f} USD"
)

MAX_NAMES = 20


class ReportOperator(BaseOperator):
    """Log the Comets of the run and a summary per hashtag, and fail if a hashtag or a step did.

    :param extract_task_id: the mapped task whose instances are named by their hashtag
    """

    def __init__(self, *, extract_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extract_task_id = extract_task_id

    def execute(self, context: Context) -> None:
        """Report the run.

        :raises AirflowFailException: names the failed hashtags and steps, and the way to heal the run.
        """
        run_id = context["dag_run"].run_id
        states = self._task_states(context)
        with connect(timeout=self.execution_timeout) as database:
            asking = database.fetch_one("report/asking", run_id=run_id)
            hashtags = database.fetch_all("report/hashtags", run_id=run_id)
            failed_hashtags = self._mark_outcomes(hashtags, states)
            self._log_comets(database, run_id)
            self._log_summary(database, context["dag_run"], asking, hashtags)
        failed_steps = sorted(
            task for task, state in states.items() if state == "failed" and not self._is_extract(task)
        )
        if failed_hashtags or failed_steps:
            raise AirflowFailException(self._failure(asking["recorded_date"], failed_hashtags, failed_steps))

    def _task_states(self, context: Context) -> dict[str, str | None]:
        """The states of this run's other tasks; a mapped instance is called ``<task_id>_<map index>``."""
        ti = context["ti"]
        states: dict[str, Any] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])
        return {task: state for task, state in states.get(ti.run_id, {}).items() if task != self.task_id}

    def _is_extract(self, task: str) -> bool:
        return task.startswith(f"{self.extract_task_id}_")

    def _mark_outcomes(self, hashtags: list[dict[str, Any]], states: dict[str, str | None]) -> list[dict[str, Any]]:
        """Add each hashtag's outcome to its row; return the failed ones. Map indexes follow the run's hashtags."""
        failed = []
        for index, row in enumerate(hashtags):
            state = states.get(f"{self.extract_task_id}_{index}")
            row["outcome"] = row["stop_reason"] or "unfinished"
            if state != "success":
                row["outcome"] = (state or "not run").upper()
                failed.append(row)
        return failed

    def _log_comets(self, database: Database, run_id: str) -> None:
        comets = database.fetch_all("report/comets", run_id=run_id)
        for comet in comets:
            self.log.info(
                "Discovered Comet: @%s (%s followers, %s)",
                printable_text(comet["handle"]),
                f"{comet['follower_count']:,}",
                f"{comet['daily_growth_followers']:+,}",
            )
        self.log.info("Total Comets discovered: %d", len(comets))

    def _log_summary(
        self, database: Database, dag_run: Any, asking: dict[str, Any], hashtags: list[dict[str, Any]]
    ) -> None:
        run_id = dag_run.run_id
        snapshots = database.fetch_all("report/snapshots", run_id=run_id)
        rows = [[str(row[column]) for column in HASHTAG_COLUMNS] for row in hashtags]
        for line in text_table(list(HASHTAG_COLUMNS.values()), rows):
            self.log.info("%s", line)
        for row in hashtags:
            if row["received_count"] != row["landed_count"] + row["rejected_count"]:
                self.log.error("#%s: received items are neither landed nor rejected", row["hashtag"])
        self.log.info("%s", MODE.format(mode=_mode(asking), **asking))
        self.log.info("%s", ROLL_CALL.format(**asking))
        self._log_unread(database, run_id, asking["unreachable_count"] + asking["no_account_count"])
        self._log_not_asked(database, dag_run, asking)
        self.log.info("%s", STANDING.format(**asking))
        self.log.info(
            "Snapshots of %s: %s",
            asking["recorded_date"],
            ", ".join(f"{row['snapshot_count']:,} {row['basis']}" for row in snapshots) or "none",
        )
        calls = database.fetch_one("report/calls", run_id=run_id)
        cost = calls["billed_count"] * settings().budget.price_per_call_usd
        self.log.info("%s", CALLS.format(cost=cost, **calls))

    def _log_unread(self, database: Database, run_id: str, unread_count: int) -> None:
        if not unread_count:
            return
        rows = database.fetch_all("report/unread", run_id=run_id, row_limit=MAX_NAMES)
        names = ", ".join(f"@{printable_text(row['handle'])} ({row['outcome']})" for row in rows)
        rest = f" and {unread_count - len(rows):,} more" if unread_count > len(rows) else ""
        self.log.warning("Could not be read, history kept: %s%s", names, rest)

    def _log_not_asked(self, database: Database, dag_run: Any, asking: dict[str, Any]) -> None:
        if not asking["not_asked_count"]:
            return
        budget = asking["max_api_calls"]
        calls = database.fetch_one("landing/call_counts", run_id=dag_run.run_id, clear_number=dag_run.clear_number or 0)
        if calls["fatal_error"]:
            reason = calls["fatal_error"]
        elif calls["call_count"] >= budget:
            reason = f"The run's budget of {budget:,} TikHub calls is spent."
        else:
            reason = "TikHub could not answer for the accounts before them, or their batch failed."
        self.log.warning("Creators who were not asked: %s. %s", f"{asking['not_asked_count']:,}", reason)

    def _failure(self, recorded_date: Any, hashtags: list[dict[str, Any]], steps: list[str]) -> str:
        parts = []
        if hashtags:
            reasons = "; ".join(
                f"#{row['hashtag']} ({row['last_error'] or 'see the log of its task'})" for row in hashtags
            )
            parts.append(f"{len(hashtags)} hashtag(s) failed: {reasons}.")
        if steps:
            parts.append(f"Failed steps: {', '.join(steps)}; their logs say why.")
        return f"The run for {recorded_date} is incomplete. {' '.join(parts)} All else is stored. {HEALING}"


def _mode(asking: dict[str, Any]) -> str:
    recorded_date = asking["recorded_date"]
    if asking["is_live"]:
        return f"Live run of {recorded_date}"
    return f"{'Refresh' if asking['is_refresh'] else 'Replay'} of the past date {recorded_date}"
