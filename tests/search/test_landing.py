"""Landing of search pages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from comets.calls.ledger import Call, Ledger
from comets.search.landing import SearchLanding, StopReason
from comets.tikhub.parsing import parse_video_page
from tests.privacy.erasing import opened
from tests.steps.builders import HASHTAG, Facts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def land(creators_url: str, run_id: str, *cards: dict[str, Any]) -> None:
    """Land a page that ends the search of a run."""
    with opened(creators_url) as database:
        ledger = Ledger(database, run_id, 0)
        landing = SearchLanding(database, ledger, run_id, HASHTAG)
        search = landing.open()
        items = {"search_item_list": [{"aweme_info": card} for card in cards]}
        call = Call("search", hashtag=HASHTAG, page_offset=0)
        result = ledger.execute(call, lambda: parse_video_page(items, offset=0, observed_at=NOW))
        landing.land(search, result, StopReason.EXHAUSTED)


def test_landed_video_has_all_its_hashtags_normalised(facts: Facts, creators_url: str) -> None:
    names = ["FYP", "#CozyGaming", "ＦＹＰ", "Two Words", "a.b", "#", "日本語🏋️"]
    author = {"uid": "71"}
    land(
        creators_url,
        facts.accept(),
        {"aweme_id": "tagged", "author": author, "text_extra": [{"hashtag_name": name} for name in names]},
        {"aweme_id": "none", "author": author, "text_extra": [], "cha_list": None},
        {"aweme_id": "unknown", "author": author},
    )
    assert facts.rows("select video_id, hashtags, is_tagged from comet_videos order by item_position") == [
        ("tagged", ["fyp", "cozygaming", "two words", "a.b", "日本語🏋️"], True),
        ("none", [], False),
        ("unknown", None, None),
    ]


def test_page_that_another_run_landed_first_stays_with_its_search(facts: Facts, creators_url: str) -> None:
    run_id = facts.accept()
    facts.accept(run_id="slower")
    with opened(creators_url) as database, opened(creators_url) as other:
        late = SearchLanding(other, Ledger(other, "slower", 0), "slower", HASHTAG)
        before = late.open()
        first = SearchLanding(database, Ledger(database, run_id, 0), run_id, HASHTAG)
        for landing, video_id, cursor in ((first, "first", 20), (late, "late", 40)):
            ledger = Ledger(database, landing.run_id, 0)
            items = {
                "search_item_list": [{"aweme_info": {"aweme_id": video_id, "author": {"uid": "71"}}}, {}],
                "cursor": cursor,
            }
            result = ledger.execute(
                Call("search", hashtag=HASHTAG, page_offset=0),
                partial(parse_video_page, items, offset=0, observed_at=NOW),
            )
            landing.land(before, result, None if landing is first else StopReason.EXHAUSTED)
    assert facts.rows("select video_id from comet_videos") == [("first",)]
    assert facts.rows("select count(*) from comet_rejected_items") == [(1,)]
    assert facts.rows("select next_offset, stop_reason from comet_searches") == [(20, None)]
