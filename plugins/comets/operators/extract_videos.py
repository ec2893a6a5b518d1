"""One mapped task per hashtag: search it through TikHub and land what comes."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.accounts import Reading
from comets.database import connect
from comets.extraction import HashtagExtraction
from comets.hooks.tikhub import TikHubHook
from comets.landing import SearchLanding
from comets.ledger import Ledger
from comets.profiles import ProfileReader
from comets.roll_call import restate_mode, unknown_authors
from comets.run import today
from comets.settings import TIKHUB_CONN_ID, settings


class ExtractVideosOperator(BaseOperator):
    """Land the videos of one hashtag; a retry or a cleared task goes on after the last landed page.

    Afterwards ask for the profile of authors whose follower count the search left unknown though their video
    qualifies. One who can't be fetched is not judged today, which is no failure of the hashtag.

    :param hashtag: normalised hashtag, as ``AcceptRunOperator`` returns it
    :return: counts only, for XCom: pages in the landing and profiles read
    """

    def __init__(self, *, hashtag: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hashtag = hashtag

    def execute(self, context: Context) -> dict[str, Any]:
        """Search the hashtag.

        :raises TikHubError: a page or a profile could not be had; :class:`comets.retries.CallRetryPolicy` decides on.
        :raises CallRefusedError: the budget is spent, or a sibling met an error that ends all calling.
        """
        dag_run = context["dag_run"]
        run_id = dag_run.run_id
        tries_per_call = settings().retries.tries_per_call
        hook = TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID)
        with connect(timeout=self.execution_timeout) as database:
            restate_mode(database, run_id, today(settings().timezone))
            ledger = Ledger(database, run_id, dag_run.clear_number or 0)
            landing = SearchLanding(database, ledger, run_id, self.hashtag)
            search = HashtagExtraction(
                hook=hook, ledger=ledger, landing=landing, tries_per_call=tries_per_call
            ).search_videos()
            readings = ProfileReader(
                hook=hook,
                database=database,
                ledger=ledger,
                run_id=run_id,
                tries_per_call=tries_per_call,
                rate_limit_tries=settings().retries.rate_limit_tries,
                hashtag=self.hashtag,
            ).read_all(unknown_authors(database, run_id, self.hashtag))
        return {"hashtag": self.hashtag, "page_count": search.page_count, "profile_count": readings[Reading.READ]}
