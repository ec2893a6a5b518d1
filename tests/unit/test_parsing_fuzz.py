"""Whatever a body holds, parsing does not crash and loses nothing."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comets.errors import TikHubCutBodyError, TikHubError
from comets.hooks.api_key import ApiKey
from comets.hooks.replies import Question, judge_reply
from comets.hooks.transport import Reply
from comets.parsing import UnreadableAnswerError, parse_balance, parse_observed_at, parse_profile, parse_video_page
from tests.unit.test_parsing import AWEME, USER

OBSERVED_AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
KEY = ApiKey("the-key-of-the-test")
QUESTION = Question(route="/r", what="a question", conn_id="tikhub", is_about_account=True)

ENVELOPE: dict[str, Any] = {
    "code": 200,
    "time_stamp": 1769907909,
    "user_data": {"balance": 1.5, "free_credit": "0"},
    "data": {
        "status_code": 0,
        "search_item_list": [{"aweme_info": AWEME}, {"aweme_info": AWEME | {"author": None}}, {"type": 4}],
        "cursor": 20,
        "has_more": 1,
        "user": USER,
    },
}

numbers = st.integers() | st.floats() | st.integers(-(10**40), 10**40).map(str)
# Any code point, NUL and lone surrogates included.
texts = st.text(st.characters(), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything inside a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, child in children for place in [(*path, key), *places(child, (*path, key))]]


PLACES = places(ENVELOPE)


@st.composite
def mutated_envelopes(draw: st.DrawFn) -> dict[str, Any]:
    """The envelope with some of its values replaced or removed."""
    envelope = copy.deepcopy(ENVELOPE)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=8)):
        holder: Any = envelope
        try:
            for key in path[:-1]:
                holder = holder[key]
            if draw(st.booleans()):
                holder[path[-1]] = draw(values)
            else:
                del holder[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    return envelope


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


@settings(max_examples=400, deadline=None)
@given(mutated_envelopes())
def test_a_spoilt_answer_is_read_or_refused_and_nothing_is_lost(envelope: dict[str, Any]) -> None:
    read_everything(json.dumps(envelope).encode())


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_everything(json.dumps(value).encode())
    read_everything(json.dumps({"data": value}).encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 10**6), st.integers(0, 10**6))
def test_any_bytes_are_read_or_refused(noise: bytes, start: int, length: int) -> None:
    whole = json.dumps(ENVELOPE, ensure_ascii=False).encode()
    start %= len(whole)
    read_everything(noise)
    read_everything(whole[:start] + noise + whole[start + length % 60 :])


EVERY_TOKEN = {"a": [1, -2.5e-7, 1e30, True, False, None, 'x\\"y \n \x00 é 😀 {}]'], "b": {"c": "", "d": []}, "e": {}}


@pytest.mark.parametrize("is_ascii", [True, False])
def test_every_beginning_of_an_answer_is_known_for_cut(is_ascii: bool) -> None:
    body = json.dumps(EVERY_TOKEN, ensure_ascii=is_ascii).encode()
    for length in range(1, len(body)):
        with pytest.raises(TikHubCutBodyError):
            judge_reply(QUESTION, Reply(status=200, headers={}, body=body[:length]), KEY)
