"""Cleaning of untrusted text."""

from __future__ import annotations

import pytest

from comets.values import clean_text, printable_text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\udfff tail", "\ufffd tail"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("😀 é 茶 \u202e \x1b\x7f\n", "😀 é 茶 \u202e \x1b\x7f\n"),
    ],
    ids=ascii,
)
def test_only_unstorable_characters_are_replaced(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned
    clean_text(text).encode("utf-8")


def test_control_characters_are_not_printed() -> None:
    assert printable_text("a\nb\x1b[31m") == "a\ufffdb\ufffd[31m"
    assert printable_text("o'hara 日本 🔥") == "o'hara 日本 🔥"
