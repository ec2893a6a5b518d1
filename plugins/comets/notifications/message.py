"""What notices say: plain text in which nothing that a creator has written is a link, a mention or markup.

Chat programs read mentions and links out of plain text too, and each in its own way. An invisible word joiner behind
the signs that begin one keeps the text readable and makes it nothing but text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote

from comets.values import printable_text

Row = Mapping[str, Any]

MAX_NAMED = 20
"""How many new Comets, and how many breakouts, a message names."""

MAX_FAILURE_CHARS = 1500
MAX_HASHTAGS_NAMED = 3

_PROFILE = "https://www.tiktok.com/"
_JOINER = "\u2060"
_ACTIVE = re.compile(r"[@<&\]]|:(?=//)")
_DOT = re.compile(r"\.(?=\w)")
# Discord, Slack and others call everybody by these, in the middle of a link too.
_CALLS = re.compile(r"everyone|here|(?:channel|all)$", re.IGNORECASE)


@dataclass(frozen=True)
class RunHighlights:
    """What was found and nobody was told of yet: rows of ``include/sql/notices``."""

    comets: Sequence[Row] = field(default_factory=tuple)
    breakouts: Sequence[Row] = field(default_factory=tuple)

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.comets or self.breakouts)

    @property
    def summary(self) -> str:
        """In numbers: `2 new Comets, 1 breakout`."""
        counts = ((len(self.comets), "new Comet"), (len(self.breakouts), "breakout"))
        return ", ".join(f"{count:,} {name}{'s' if count > 1 else ''}" for count, name in counts if count)


def highlights_message(recorded_date: date, highlights: RunHighlights) -> tuple[str, str]:
    """Title and body of the message on what a run has found."""
    return f"{recorded_date}: {highlights.summary}", "\n".join(_highlight_lines(highlights))


def failure_message(recorded_date: date, reason: str, highlights: RunHighlights) -> tuple[str, str]:
    """Title and body of the message on a run that has failed, with what it has found nevertheless.

    :param reason: what has failed and what to do
    """
    reason = " ".join(reason.split())
    shown = reason if len(reason) <= MAX_FAILURE_CHARS else f"{reason[:MAX_FAILURE_CHARS]}... (the log has the rest)"
    lines = [plain(shown), *(["", *_highlight_lines(highlights)] if highlights else [])]
    return f"The Comet run for {recorded_date} has failed", "\n".join(lines)


def plain(text: str) -> str:
    """A text in which no chat program finds a mention, a link or markup that somebody else has put there."""
    return _ACTIVE.sub(lambda sign: sign[0] + _JOINER, printable_text(text))


def _highlight_lines(highlights: RunHighlights) -> Iterator[str]:
    if highlights.comets:
        yield "New Comets:"
        yield from _some(map(_comet_line, highlights.comets[:MAX_NAMED]), len(highlights.comets))
    if highlights.breakouts:
        yield "Breakouts (views of a video against the median of the creator's other videos):"
        yield from _some(map(_breakout_line, highlights.breakouts[:MAX_NAMED]), len(highlights.breakouts))


def _some(lines: Iterable[str], count: int) -> Iterator[str]:
    yield from lines
    if count > MAX_NAMED:
        yield f"and {count - MAX_NAMED:,} more; the page Comets in Airflow shows all of them"


def _comet_line(comet: Row) -> str:
    facts = [
        f"{_mark(comet['is_estimated'])}{comet['follower_count']:,} followers",
        _growth(comet),
        " ".join(f"#{_name(hashtag)}" for hashtag in comet["hashtags"][:MAX_HASHTAGS_NAMED]),
    ]
    return f"- {_who(comet)}: {', '.join(facts)} {_link(comet)}".rstrip()


def _breakout_line(breakout: Row) -> str:
    ratio = f"{breakout['breakout_ratio']:,.1f} times"
    if not breakout["handle"]:
        return f"- {_who(breakout)}: {ratio}, video {_name(breakout['video_id'])}"
    return f"- {_who(breakout)}: {ratio} {_link(breakout)}/video/{quote(breakout['video_id'], safe='')}"


def _growth(comet: Row) -> str:
    growth = comet["daily_growth_followers"]
    if growth is None:
        return "growth not known yet"
    return f"{_mark(comet['is_estimated'])}{growth:+,} a day"


def _mark(is_estimated: bool) -> str:
    return "~" if is_estimated else ""


def _who(row: Row) -> str:
    return _name(row["handle"] or row["user_id"])


def _name(text: str) -> str:
    """The same as :func:`plain` for a single name, which must not pass for the address of a site either."""
    return _DOT.sub(f".{_JOINER}", plain(text))


def _link(row: Row) -> str:
    handle = row["handle"]
    if not handle:
        return ""
    return f"{_PROFILE}{'%40' if _CALLS.match(handle) else '@'}{quote(handle, safe='')}"
