"""Any JSON is read or refused, and a cut one is known for cut."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from comets.errors import TikHubCutBodyError, TikHubError
from comets.hooks.api_key import ApiKey
from comets.hooks.replies import Question, judge_reply
from comets.hooks.transport import Reply
from comets.parsing import UnreadableAnswerError, parse_balance, parse_observed_at, parse_profile, parse_video_page
from tests.hook.mutations import values

OBSERVED_AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
KEY = ApiKey("the-key-of-the-test")
QUESTION = Question(route="/r", what="a question", conn_id="tikhub", is_about_account=True)


def read_everything(body: bytes) -> None:
    """Read a body as each kind of answer."""
    try:
        envelope = judge_reply(QUESTION, Reply(status=200, headers={}, body=body), KEY)
    except TikHubError:
        return
    assert parse_observed_at(envelope).tzinfo is UTC
    parse_balance(envelope)
    data = envelope.get("data")
    if not isinstance(data, dict):
        return
    try:
        page = parse_video_page(data, offset=0, observed_at=OBSERVED_AT)
        received = data.get("search_item_list") or []
        assert page.received_count == len(page.videos) + len(page.rejected) == len(received)
        positions = [video.item_position for video in page.videos] + [item.item_position for item in page.rejected]
        assert sorted(positions) == list(range(len(received)))
        page.model_dump_json().encode()
    except UnreadableAnswerError:
        assert not isinstance(data.get("search_item_list"), list)
    with suppress(UnreadableAnswerError):
        parse_profile(data, observed_at=OBSERVED_AT).model_dump_json().encode()


@settings(max_examples=100)
@given(values)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_everything(json.dumps(value).encode())
    read_everything(json.dumps({"data": value}).encode())


EVERY_TOKEN = {"a": [1, -2.5e-7, 1e30, True, False, None, 'x\\"y \n \x00 é 😀 {}]'], "b": {"c": "", "d": []}, "e": {}}


@pytest.mark.parametrize("is_ascii", [True, False])
def test_every_beginning_of_an_answer_is_known_for_cut(is_ascii: bool) -> None:
    body = json.dumps(EVERY_TOKEN, ensure_ascii=is_ascii).encode()
    for length in range(1, len(body)):
        with pytest.raises(TikHubCutBodyError):
            judge_reply(QUESTION, Reply(status=200, headers={}, body=body[:length]), KEY)
