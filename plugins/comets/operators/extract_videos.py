"""One mapped task per group of hashtags, mostly of one: search them through TikHub and land what comes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.accounts import Reading
from comets.database import Database, connect
from comets.errors import TikHubAuthError, TikHubBalanceError, TikHubError
from comets.extraction import HashtagExtraction
from comets.group_failures import raise_failures
from comets.groups import group_title
from comets.hooks.tikhub import TikHubHook
from comets.landing import SearchLanding
from comets.ledger import Ledger
from comets.profiles import ProfileReader
from comets.roll_call import restate_mode, unknown_authors
from comets.run import today
from comets.settings import TIKHUB_CONN_ID, settings


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

        :raises TikHubError: a page or a profile could not be had; :class:`comets.retries.CallRetryPolicy` decides on.
        :raises HashtagsFailedError: the same of some hashtags of the task, and another try can help none of them.
        :raises CallRefusedError: the budget is spent, or a sibling met an error that ends all calling.
        """
        dag_run = context["dag_run"]
        hook = TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID)
        counts: Counter[str] = Counter()
        failures: dict[str, TikHubError] = {}
        with connect(timeout=self.execution_timeout) as database:
            restate_mode(database, dag_run.run_id, today(settings().timezone))
            ledger = Ledger(database, dag_run.run_id, dag_run.clear_number or 0)
            for hashtag in self.hashtags:
                try:
                    counts.update(_extract(hashtag, dag_run.run_id, hook, database, ledger))
                except (TikHubAuthError, TikHubBalanceError):
                    raise
                except TikHubError as error:
                    if len(self.hashtags) > 1:
                        self.log.error("#%s: %s", hashtag, error)
                    failures[hashtag] = error
        raise_failures(failures, len(self.hashtags), settings().retries)
        return {"hashtags": self.hashtags, **counts}


def _extract(hashtag: str, run_id: str, hook: TikHubHook, database: Database, ledger: Ledger) -> dict[str, int]:
    retries = settings().retries
    search = HashtagExtraction(
        hook=hook, ledger=ledger, landing=SearchLanding(database, ledger, run_id, hashtag), retries=retries
    ).search_videos()
    readings = ProfileReader(
        hook=hook,
        database=database,
        ledger=ledger,
        run_id=run_id,
        tries_per_call=retries.tries_per_call,
        rate_limit_tries=retries.rate_limit_tries,
        hashtag=hashtag,
    ).read_all(unknown_authors(database, run_id, hashtag))
    return {"page_count": search.page_count, "profile_count": readings[Reading.READ]}
