"""What the report of a run says, line by line, from the figures of ``include/sql/report``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from comets.calls.run_stop import RunStop
from comets.reporting.tables import BASIS_LABELS, text_table
from comets.values import printable_text

Row = Mapping[str, Any]

_HEALING = (
    "To heal the run: put the cause right, then clear the failed task instance in the grid, with Downstream ticked and "
    "Only Failed not ticked. What was landed is kept and not paid for again."
)
_HASHTAG_COLUMNS = {
    "hashtag": "hashtag",
    "outcome": "outcome",
    "received_count": "received",
    "landed_count": "landed",
    "rejected_count": "rejected",
    "video_count": "videos",
    "tagged_count": "tagged",
    "comet_count": "Comets",
    "new_comet_count": "new",
    "call_count": "calls",
    "billed_count": "billed",
    "cost": "USD",
}
_LEGEND = "received = landed + rejected; videos: different ones; tagged: carry the hashtag; roll calls have no hashtag"
_MODE = "{mode}: {made_search_count} searches made, {reused_search_count} re-used"
_ROLL_CALL = (
    "Roll call of {member_count:,} creators: {read_count:,} read, {reused_count:,} re-used (answered on that date or "
    "later), {unreachable_count:,} unreachable, {no_account_count:,} without an account, {not_asked_count:,} not asked"
)
_STANDING = (
    "Tracked creators: {creator_count:,}, of them {graduated_count:,} graduated (above the band) and "
    "{missing_count:,} missing (unreachable on three dates, asked weekly)"
)
_CALLS = (
    "TikHub calls of this run: {call_count:,} made ({profile_call_count:,} for profiles), {billed_count:,} billed, "
    "{unknown_count:,} of unknown billing, about {cost} USD"
)


def comet_line(comet: Row) -> str:
    """One Comet of the run."""
    growth = comet["daily_growth_followers"]
    since = "new" if comet["is_new"] else "first reading" if growth is None else f"{growth:+,}"
    return f"Discovered Comet: @{printable_text(comet['handle'])} ({comet['follower_count']:,} followers, {since})"


def hashtag_lines(hashtags: Sequence[Row], price_usd: float) -> Iterator[str]:
    """A table of what each hashtag gave and cost.

    :param hashtags: rows of hashtags.sql, with their ``outcome``
    :param price_usd: of one billed call
    """
    rows = [{**row, "cost": _usd(row["billed_count"] * price_usd)} for row in hashtags]
    cells = [[str(row[column]) for column in _HASHTAG_COLUMNS] for row in rows]
    yield from text_table(list(_HASHTAG_COLUMNS.values()), cells)
    yield _LEGEND


def asking_lines(asking: Row) -> Iterator[str]:
    """Whether the run asked TikHub or re-used what was landed, and what became of its roll call."""
    yield _MODE.format(mode=_mode(asking), **asking)
    yield _ROLL_CALL.format(**asking)


def rare_hashtag_line(row: Row) -> str:
    """Return the warning about a search whose videos hardly carry its hashtag.

    :param row: a row of hashtags.sql
    """
    hashtag = printable_text(row["hashtag"])
    return (
        f"#{hashtag}: only {row['tagged_count']:,} of {row['video_count']:,} videos carry the hashtag; "
        "TikTok's search has matched other words."
    )


def unidentified_line(asking: Row) -> str:
    """Return how many creators can't be fetched: rows of the original script without a TikTok id."""
    return (
        f"Creators without a TikTok id, never fetched: {asking['unidentified_count']:,}. The original script stored "
        "them under another key; their history is kept. They are the rows of creators with is_identified = false."
    )


def standing_line(asking: Row) -> str:
    """How the tracked creators stand."""
    return _STANDING.format(**asking)


def snapshots_line(asking: Row, snapshots: Sequence[Row]) -> str:
    """How the counts of the run's date are known."""
    found = ", ".join(f"{row['snapshot_count']:,} {BASIS_LABELS[row['basis']]}" for row in snapshots) or "none"
    return f"Snapshots of {asking['recorded_date']}: {found}"


def cost_lines(calls: Row, new_comet_count: int, price_usd: float) -> Iterator[str]:
    """What the run cost in all, and for each new Comet.

    :param calls: the row of calls.sql
    :param price_usd: of one billed call
    """
    cost = calls["billed_count"] * price_usd
    yield _CALLS.format(cost=_usd(cost), **calls)
    if new_comet_count:
        yield f"Cost per new Comet: {_usd(cost / new_comet_count)} USD ({new_comet_count:,} new)"
    else:
        yield "Cost per new Comet: none, as this run found no new one"


def stop_line(stop: Row, budget: int) -> str:
    """What has stopped the run, as a line of the log.

    :param stop: a row of stops.sql
    :param budget: the run's calls in all
    """
    return f"Stopped: {stop_reason(stop, budget)}"


def stop_reason(stop: Row, budget: int) -> str:
    """The same as a sentence by itself."""
    if _is_check(stop):
        return printable_text(stop["message"])
    return RunStop(stop["reason"], budget=budget, status=stop["status_code"]).sentence


def unread_line(rows: Sequence[Row], unread_count: int) -> str:
    """Who could not be read: some by name, the others by number."""
    names = ", ".join(f"@{printable_text(row['handle'])} ({row['outcome']})" for row in rows)
    rest = f" and {unread_count - len(rows):,} more" if unread_count > len(rows) else ""
    return f"Could not be read, history kept: {names}{rest}"


def not_asked_line(asking: Row, is_stopped: bool) -> str:
    """How many creators nobody asked for, and why."""
    reason = (
        "The run was stopped, as said above."
        if is_stopped
        else "TikHub could not answer for the accounts before them, or their batch failed."
    )
    return f"Creators who were not asked: {asking['not_asked_count']:,}. {reason}"


def failure_text(asking: Row, hashtags: Sequence[Row], steps: Sequence[str], stops: Sequence[Row]) -> str:
    """What has failed, what is stored nevertheless, and how to heal the run."""
    parts = []
    if hashtags:
        reasons = "; ".join(f"#{printable_text(row['hashtag'])} ({_reason(row)})" for row in hashtags)
        parts.append(f"{len(hashtags)} hashtag(s) failed: {reasons}.")
    if steps:
        parts.append(f"Failed steps: {', '.join(steps)}; their logs say why.")
    parts.append(
        "Nothing of it is published; what was published before stays."
        if any(map(_is_check, stops))
        else "All else is stored."
    )
    return f"The run for {asking['recorded_date']} is incomplete. {' '.join(parts)} {_HEALING}"


def _is_check(stop: Row) -> bool:
    return stop["message"] is not None


def _reason(row: Row) -> str:
    if row["is_stopped"]:
        return "stopped, see the report's line that begins with Stopped"
    return str(row["last_error"] or "see the log of its task")


def _mode(asking: Row) -> str:
    recorded_date = asking["recorded_date"]
    if asking["is_live"]:
        return f"Live run of {recorded_date}"
    return f"{'Refresh' if asking['is_refresh'] else 'Replay'} of the past date {recorded_date}"


def _usd(amount: float) -> str:
    return f"{amount:,.4f}"
