"""Fuzzing of bodies: each one is landed completely or rejected with a typed error.

The long profile (COMETS_TEST_PROFILE=long) uses 10,000 bodies.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comets.calls.ledger import CallResult, Ledger
from comets.database.client import Database, connect
from comets.errors import TikHubError
from comets.profiles.landing import land_profile
from comets.search.extraction import stop_reason
from comets.search.landing import SearchLanding
from comets.tikhub.connection import ApiKey
from comets.tikhub.hook import PROFILE_ROUTE, SEARCH_ROUTE, TikHubHook
from comets.tikhub.models import VideoPage
from comets.tikhub.responses import RequestInfo, parse_response
from comets.tikhub.transport import RawResponse
from include.sandbox.client import SandboxClient
from tests.steps.builders import Facts
from tests.tikhub.mutations import KEY, mutated_bodies

RUN_ID = "fuzz run"
NO_CALL = 0
"""The id of no call, so that closing it changes nothing in the ledger."""


class FakeHook(TikHubHook):
    """A hook that parses a body set by the test."""

    body = b""

    def _call(self, request: RequestInfo) -> dict[str, Any]:
        return parse_response(request, RawResponse(status=200, headers={}, body=self.body), ApiKey(KEY))


@dataclass
class Lander:
    """Lands pages and profiles."""

    database: Database
    connection: psycopg.Connection[Any]
    ledger: Ledger
    landing: SearchLanding
    bodies: list[bytes]

    def land_page(self, page: VideoPage) -> tuple[int, int]:
        """Land a page and return its numbers of stored videos and rejected items."""
        search = self.landing.open()
        seen = self.landing.seen_video_ids(search) if page.offset < 50 else set()
        self.landing.land(search, CallResult(NO_CALL, page, 0), stop_reason(page, seen, 10**9))
        row = self.connection.execute(
            "select received_count, landed_count, rejected_count,"
            " (select count(*) from comet_videos as video where video.page_id = page.page_id),"
            " (select count(*) from comet_rejected_items as item where item.page_id = page.page_id)"
            " from comet_pages as page where page_offset = %s order by page_id desc limit 1",
            [page.offset],
        ).fetchone()
        assert row is not None
        assert row[:3] == (page.received_count, row[3], row[4])
        return row[3], row[4]

    def land_profile(self, result: CallResult[Any]) -> None:
        """Land a profile and delete it again."""
        land_profile(self.database, self.ledger, RUN_ID, "7", result)
        [row] = self.connection.execute("delete from comet_profiles returning user_id, outcome").fetchall()
        assert row == (result.value.user_id, "found")


def real_bodies(sandbox: SandboxClient) -> list[bytes]:
    """Return a page with every odd item of the sandbox, an ordinary page, and a profile."""
    sandbox.set_clock("2026-03-01T02:00:00Z")
    sandbox.set_faults({"route": "fetch_video_search_result", "fault": "odd_items", "offset": 0})
    bodies = []
    for path in (f"{SEARCH_ROUTE}?keyword=gymtok&count=12", f"{SEARCH_ROUTE}?keyword=gymtok&count=3&offset=12"):
        bodies.append(fetch(sandbox, path))
    creator = json.loads(bodies[1])["data"]["search_item_list"][0]["aweme_info"]["author"]["uid"]
    return [*bodies, fetch(sandbox, f"{PROFILE_ROUTE}?user_id={creator}")]


def fetch(sandbox: SandboxClient, path: str) -> bytes:
    request = urllib.request.Request(sandbox.url + path, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request) as response:
        body: bytes = response.read()
    return body


@pytest.fixture
def lander(sandbox: SandboxClient, comets_connection: str) -> Iterator[Lander]:
    with connect() as database, psycopg.connect(comets_connection, autocommit=True) as connection:
        Facts(connection).accept(run_id=RUN_ID, hashtags=["gymtok"])
        ledger = Ledger(database, RUN_ID, 0)
        landing = SearchLanding(database, ledger, RUN_ID, "gymtok")
        yield Lander(database, connection, ledger, landing, real_bodies(sandbox))


def test_any_body_is_landed_completely_or_rejected(lander: Lander) -> None:
    hook = FakeHook()
    offsets = count()
    messages: set[str] = set()
    totals = {"pages": 0, "videos": 0, "rejected": 0, "errors": 0, "profiles": 0}

    @settings(
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        database=None,
    )
    @given(body=mutated_bodies(lander.bodies) | st.binary(max_size=60))
    def land(body: bytes) -> None:
        hook.body = body
        try:
            page = hook.search_videos(keyword="gymtok", offset=next(offsets), count=20, publish_time=0, region="US")
        except TikHubError as error:
            totals["errors"] += 1
            messages.add(str(error))
        else:
            videos, rejected = lander.land_page(page)
            totals["pages"] += 1
            totals["videos"] += videos
            totals["rejected"] += rejected
        try:
            profile = hook.fetch_profile(handle="clay.sample")
            hook.fetch_balance()
        except TikHubError as error:
            messages.add(str(error))
        else:
            lander.land_profile(CallResult(NO_CALL, profile, 0))
            totals["profiles"] += 1

    land()
    assert not any(KEY in text for text in messages)
    assert min(totals.values()) > 0, totals
    for table in ("comet_videos", "comet_rejected_items"):
        query = f"select count(*) from {table} as t where strpos(t::text, %s) > 0"
        assert lander.connection.execute(query.encode(), [KEY]).fetchone() == (0,)
