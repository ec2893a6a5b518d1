"""Real answers, spoilt in every way that a server, a proxy or a line can spoil them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

KEY = "key-of-the-fuzz-0123456789"

# Any code point, NUL and lone surrogates included; and what databases, templates and terminals trip over.
texts = st.text(st.characters(), max_size=20) | st.sampled_from(
    [
        "\x00",
        "\ud800",
        "\udfff\ud800",
        "\u202e\u2066",
        "a\u0300" * 50,
        "%s %(x)s {{ ds }}",
        "'; drop table creators; --",
        KEY,
    ]
)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30, -(10**400), 1e308, 5e-324, -0.0])
    | st.integers(-(10**40), 10**40).map(str)
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)

HOW = ("replace", "drop", "duplicate", "nest", "rename", "swap", "retype")


@st.composite
def spoilt_bodies(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """One of the bodies with some of its values and then, at times, some of its bytes changed."""
    envelope = json.loads(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 5))):
        _spoil_a_value(draw, envelope)
    body = json.dumps(envelope, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 2)) == 0:
        body = _spoil_bytes(draw, body)
    return body


def _spoil_a_value(draw: st.DrawFn, envelope: Any) -> None:
    holder, place = None, None
    value: Any = envelope
    while isinstance(value, dict | list) and value and (holder is None or draw(st.integers(0, 4))):
        holder = value
        place = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        value = value[place]
    if holder is not None:
        _apply(draw, draw(st.sampled_from(HOW)), holder, place)


def _apply(draw: st.DrawFn, how: str, holder: Any, place: Any) -> None:
    value = holder[place]
    if how == "replace":
        holder[place] = draw(values)
    elif how == "drop":
        del holder[place]
    elif how == "duplicate" and isinstance(holder, list):
        holder += [value] * draw(st.integers(1, 3))
    elif how == "nest":
        for _ in range(draw(st.sampled_from([1, 2, 50]))):
            value = [value] if draw(st.booleans()) else {str(place): value}
        holder[place] = value
    elif how == "rename" and isinstance(holder, dict):
        holder[draw(texts)] = holder.pop(place)
    elif how == "swap":
        other = draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
        holder[place], holder[other] = holder[other], value
    elif how == "retype":
        holder[place] = draw(st.sampled_from([str(value), [value], {"": value}, bool(value), len(str(value)) + 0.5]))


def _spoil_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    start = draw(st.integers(0, len(body)))
    how = draw(st.sampled_from(["cut", "flip", "insert", "double key", "deep"]))
    if how == "cut":
        return body[:start]
    if how == "flip" and start < len(body):
        return body[:start] + bytes([body[start] ^ 1 << draw(st.integers(0, 7))]) + body[start + 1 :]
    if how == "insert":
        return body[:start] + draw(st.binary(max_size=40)) + body[start + draw(st.integers(0, 60)) :]
    if how == "double key":
        return body.replace(b'"aweme_info":', b'"aweme_info": null, "aweme_info":', 1).replace(b"{", b'{"uid": [], ', 3)
    return body.replace(b"null", b"[" * 5_000 + b"]" * 5_000, 1) if how == "deep" else body
