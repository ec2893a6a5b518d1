"""One mapped task per group of hashtags, mostly of one: search them through TikHub and land what comes."""

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
    """Land the videos of some hashtags; a retry or a cleared task goes on after the last landed page of each.

    After its search ask for the profile of authors whose follower count the search left unknown though their video
    qualifies. One who can't be fetched is not judged today, which is no failure of the hashtag. A hashtag that fails
    does not keep the others of the task from being searched.

    :param hashtags: normalised hashtags, a group of what ``AcceptRunOperator`` returns
    :return: counts only, for XCom: pages in the landing and profiles read
    """

    def __init__(self, *, hashtags: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hashtags = hashtags

    @property
    def title(self) -> str:
        """What Airflow's UI calls a mapped instance."""
        return group_title(self.hashtags)

    def execute(self, context: Context) -> dict[str, Any]:
        """Search the hashtags.

        :raises TikHubError: a page or a profile could not be had; `CallRetryPolicy` decides.
        :raises HashtagsFailedError: the same of some hashtags of the task, and another try can help none of them.
        :raises CallSkippedError: the budget is spent, or a sibling met an error that ends all calling.
        """
        # Importing the hook takes a quarter of a second, and whatever parses the Dag file imports this module.
        from comets.search.extraction import extract_group

        dag_run = context["dag_run"]
        with connect(timeout=self.execution_timeout) as database:
            refresh_run_mode(database, dag_run.run_id, today(settings().timezone))
            ledger = Ledger(database, dag_run.run_id, dag_run.clear_number or 0)
            counts = extract_group(self.hashtags, dag_run.run_id, database, ledger)
        return {"hashtags": self.hashtags, **counts}
