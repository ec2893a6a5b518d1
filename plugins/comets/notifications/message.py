"""The texts of notifications: plain text in which nothing written by a creator is a link, a mention or markup.

Chat programs find mentions and links in plain text too, each by its own rules. An invisible word joiner after the
characters that begin one keeps the text readable and inert.
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
"""The number of new Comets, and of breakouts, that a message lists."""

MAX_FAILURE_CHARS = 1500
MAX_HASHTAGS_NAMED = 3

_PROFILE = "https://www.tiktok.com/"
_JOINER = "\u2060"
_ACTIVE = re.compile(r"[@<&\]]|:(?=//)")
_DOT = re.compile(r"\.(?=\w)")
_CHANNEL_MENTIONS = re.compile(r"everyone|here|(?:channel|all)$", re.IGNORECASE)


@dataclass(frozen=True)
class RunHighlights:
    """New Comets and breakouts that no notification has contained: rows of ``include/sql/notifications``."""

    comets: Sequence[Row] = field(default_factory=tuple)
    breakouts: Sequence[Row] = field(default_factory=tuple)

    def __bool__(self) -> bool:
        """Return whether there is anything to send."""
        return bool(self.comets or self.breakouts)

    @property
    def summary(self) -> str:
        """Return the counts, such as `2 new Comets, 1 breakout`."""
        counts = ((len(self.comets), "new Comet"), (len(self.breakouts), "breakout"))
        return ", ".join(f"{count:,} {name}{'s' if count > 1 else ''}" for count, name in counts if count)


def highlights_message(recorded_date: date, highlights: RunHighlights) -> tuple[str, str]:
    """Return title and body of the message about the highlights of a run."""
    return f"{recorded_date}: {highlights.summary}", "\n".join(_highlight_lines(highlights))


def failure_message(recorded_date: date, reason: str, highlights: RunHighlights) -> tuple[str, str]:
    """Return title and body of the message about a failed run, with its highlights.

    :param reason: what failed and what to do
    """
    reason = " ".join(reason.split())
    shown = reason if len(reason) <= MAX_FAILURE_CHARS else f"{reason[:MAX_FAILURE_CHARS]}... (full text in the log)"
    lines = [plain(shown), *(["", *_highlight_lines(highlights)] if highlights else [])]
    return f"Comet run for {recorded_date} failed", "\n".join(lines)


def plain(text: str) -> str:
    """Return a text in which chat programs find no mention, link or markup."""
    return _ACTIVE.sub(lambda match: match[0] + _JOINER, printable_text(text))


def _highlight_lines(highlights: RunHighlights) -> Iterator[str]:
    if highlights.comets:
        yield "New Comets:"
        yield from _shortened(map(_comet_line, highlights.comets[:MAX_NAMED]), len(highlights.comets))
    if highlights.breakouts:
        yield "Breakouts (video views vs. the median of the creator's other videos):"
        yield from _shortened(map(_breakout_line, highlights.breakouts[:MAX_NAMED]), len(highlights.breakouts))


def _shortened(lines: Iterable[str], count: int) -> Iterator[str]:
    yield from lines
    if count > MAX_NAMED:
        yield f"and {count - MAX_NAMED:,} more, see the Comets page in Airflow"


def _comet_line(comet: Row) -> str:
    facts = [
        f"{_estimate_mark(comet['is_estimated'])}{comet['follower_count']:,} followers",
        _growth(comet),
        " ".join(f"#{_name(hashtag)}" for hashtag in comet["hashtags"][:MAX_HASHTAGS_NAMED]),
    ]
    return f"- {_creator_name(comet)}: {', '.join(facts)} {_link(comet)}".rstrip()


def _breakout_line(breakout: Row) -> str:
    ratio = f"{breakout['breakout_ratio']:,.1f}x"
    if not breakout["handle"]:
        return f"- {_creator_name(breakout)}: {ratio}, video {_name(breakout['video_id'])}"
    return f"- {_creator_name(breakout)}: {ratio} {_link(breakout)}/video/{quote(breakout['video_id'], safe='')}"


def _growth(comet: Row) -> str:
    growth = comet["daily_growth_followers"]
    if growth is None:
        return "first reading"
    return f"{_estimate_mark(comet['is_estimated'])}{growth:+,}/day"


def _estimate_mark(is_estimated: bool) -> str:
    return "~" if is_estimated else ""


def _creator_name(row: Row) -> str:
    return _name(row["handle"] or row["user_id"])


def _name(text: str) -> str:
    """Return a name as :func:`plain` text that is not read as the address of a site either."""
    return _DOT.sub(f".{_JOINER}", plain(text))


def _link(row: Row) -> str:
    handle = row["handle"]
    if not handle:
        return ""
    return f"{_PROFILE}{'%40' if _CHANNEL_MENTIONS.match(handle) else '@'}{quote(handle, safe='')}"
