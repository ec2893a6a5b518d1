"""Mutations of real responses, as a server, a proxy or a network may cause them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

KEY = "key-of-the-fuzz-0123456789"

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

MUTATIONS = ("replace", "drop", "duplicate", "nest", "rename", "swap", "retype")


@st.composite
def mutated_bodies(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """One of the bodies with some values and possibly some bytes mutated."""
    envelope = json.loads(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 5))):
        _mutate_value(draw, envelope)
    body = json.dumps(envelope, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 2)) == 0:
        body = _mutate_bytes(draw, body)
    return body


def _mutate_value(draw: st.DrawFn, envelope: Any) -> None:
    container, key = None, None
    value: Any = envelope
    while isinstance(value, dict | list) and value and (container is None or draw(st.integers(0, 4))):
        container = value
        key = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        value = value[key]
    if container is not None:
        _apply(draw, draw(st.sampled_from(MUTATIONS)), container, key)


def _apply(draw: st.DrawFn, mutation: str, container: Any, key: Any) -> None:
    value = container[key]
    if mutation == "replace":
        container[key] = draw(values)
    elif mutation == "drop":
        del container[key]
    elif mutation == "duplicate" and isinstance(container, list):
        container += [value] * draw(st.integers(1, 3))
    elif mutation == "nest":
        for _ in range(draw(st.sampled_from([1, 2, 50]))):
            value = [value] if draw(st.booleans()) else {str(key): value}
        container[key] = value
    elif mutation == "rename" and isinstance(container, dict):
        container[draw(texts)] = container.pop(key)
    elif mutation == "swap":
        other = draw(st.sampled_from(list(container) if isinstance(container, dict) else range(len(container))))
        container[key], container[other] = container[other], value
    elif mutation == "retype":
        container[key] = draw(st.sampled_from([str(value), [value], {"": value}, bool(value), len(str(value)) + 0.5]))


def _mutate_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    start = draw(st.integers(0, len(body)))
    mutation = draw(st.sampled_from(["cut", "flip", "insert", "double key", "deep"]))
    if mutation == "cut":
        return body[:start]
    if mutation == "flip" and start < len(body):
        return body[:start] + bytes([body[start] ^ 1 << draw(st.integers(0, 7))]) + body[start + 1 :]
    if mutation == "insert":
        return body[:start] + draw(st.binary(max_size=40)) + body[start + draw(st.integers(0, 60)) :]
    if mutation == "double key":
        return body.replace(b'"aweme_info":', b'"aweme_info": null, "aweme_info":', 1).replace(b"{", b'{"uid": [], ', 3)
    return body.replace(b"null", b"[" * 5_000 + b"]" * 5_000, 1) if mutation == "deep" else body
