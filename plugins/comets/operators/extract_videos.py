"""One mapped task per group of hashtags, usually one hashtag each: search them through TikHub and land the pages."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.calls.ledger import Ledger
from comets.database.client import connect
from comets.dates import today
from comets.profiles.roll_call import refresh_run_mode
from comets.search.groups import group_title
from comets.settings import settings


class ExtractVideosOperator(BaseOperator):
    """Land the videos of some hashtags; a retry or a cleared task continues after the last landed page of each.

    After each search, fetch the profiles of authors with a qualifying video and no follower count in the search. An
    author whose profile can't be fetched is not judged today and does not fail the hashtag. A failed hashtag does not
    stop the others of the task.

    :param hashtags: normalized hashtags, a group that ``AcceptRunOperator`` returns
    :return: counts only, for XCom: pages in the landing and fetched profiles
    """

    def __init__(self, *, hashtags: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hashtags = hashtags

    @property
    def title(self) -> str:
        """Name of the mapped instance in Airflow's UI."""
        return group_title(self.hashtags)

    def execute(self, context: Context) -> dict[str, Any]:
        """Search the hashtags.

        :raises TikHubError: a page or a profile can't be fetched; `CallRetryPolicy` decides about a retry.
        :raises HashtagsFailedError: some hashtags of the task failed for good.
        :raises CallSkippedError: the budget is spent, or a sibling met an error that stops the run's calls.
        """
        # Importing the hook takes a quarter of a second; each parse of the Dag file imports this module.
        from comets.search.extraction import extract_group

        dag_run = context["dag_run"]
        with connect(timeout=self.execution_timeout) as database:
            refresh_run_mode(database, dag_run.run_id, today(settings().timezone))
            ledger = Ledger(database, dag_run.run_id, dag_run.clear_number or 0)
            counts = extract_group(self.hashtags, dag_run.run_id, database, ledger)
        pages, profiles = counts["page_count"], counts["profile_count"]
        self.log.info("%s: %d pages in the landing, %d profiles fetched", self.title, pages, profiles)
        return {"hashtags": self.hashtags, **counts}
