"""One mapped task per hashtag: search it through TikHub and land what comes."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context

from comets.database import connect
from comets.extraction import HashtagExtraction
from comets.hooks.tikhub import TikHubHook
from comets.landing import SearchLanding
from comets.ledger import Ledger
from comets.settings import TIKHUB_CONN_ID, settings


class ExtractVideosOperator(BaseOperator):
    """Land the videos of one hashtag; a retry or a cleared task goes on after the last landed page.

    :param hashtag: normalised hashtag, as ``AcceptRunOperator`` returns it
    :return: counts only, for XCom: pages in the landing and profiles asked for
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
        with connect() as database:
            ledger = Ledger(database, dag_run.run_id, dag_run.clear_number or 0)
            landing = SearchLanding(database, ledger, dag_run.run_id, self.hashtag)
            extraction = HashtagExtraction(
                hook=TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID),
                database=database,
                ledger=ledger,
                landing=landing,
                tries_per_call=settings().retries.tries_per_call,
            )
            search = extraction.search_videos()
            profile_count = extraction.ask_unknown_authors()
        return {"hashtag": self.hashtag, "page_count": search.page_count, "profile_count": profile_count}
