"""The report of a run as lines of text, from the rows of ``include/sql/reporting``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from comets.calls.run_stop import RunStop
from comets.reporting.tables import BASIS_LABELS, text_table
from comets.values import printable_text

Row = Mapping[str, Any]

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
_LEGEND = "received = landed + rejected; videos: distinct; tagged: with the hashtag; calls: without the roll call"
_SEARCHES = "{mode}. Searches: {made_search_count:,} fetched, {reused_search_count:,} reused"
_ROLL_CALL = (
    "Roll call: {read_count:,} of {member_count:,} creators fetched, {reused_count:,} reused (read on this date "
    "or later), {unreachable_count:,} unreachable, {no_account_count:,} without an account, "
    "{not_asked_count:,} not fetched"
)
_TRACKED = (
    "Tracked creators: {creator_count:,}, of which {graduated_count:,} graduated (above the follower range) and "
    "{missing_count:,} missing (unreachable on three dates, now fetched weekly)"
)
_CALLS = (
    "TikHub calls: {call_count:,} made ({profile_call_count:,} for profiles), {billed_count:,} billed, "
    "{unknown_count:,} with unknown billing, about {cost} USD"
)
_RECOVERY = (
    "To complete the run, fix the cause, then clear the failed task instance in the grid with Downstream selected and "
    "Only Failed not selected. Landed data is kept and not billed again."
)


def comet_line(comet: Row) -> str:
    """Return the line of one Comet of the run."""
    growth = comet["daily_growth_followers"]
    change = "new" if comet["is_new"] else "first reading" if growth is None else f"{growth:+,}"
    return f"Discovered Comet: @{printable_text(comet['handle'])} ({comet['follower_count']:,} followers, {change})"


def hashtag_lines(hashtags: Sequence[Row], price_usd: float) -> Iterator[str]:
    """Yield the table of results and cost per hashtag, with its legend.

    :param hashtags: rows of hashtags.sql, with their ``outcome``
    :param price_usd: price of one billed call
    """
    rows = [{**row, "cost": _usd(row["billed_count"] * price_usd)} for row in hashtags]
    cells = [[str(row[column]) for column in _HASHTAG_COLUMNS] for row in rows]
    yield from text_table(list(_HASHTAG_COLUMNS.values()), cells)
    yield _LEGEND


def source_lines(summary: Row) -> Iterator[str]:
    """Yield what the run fetched from TikHub and what it reused, for searches and for the roll call.

    :param summary: the row of run_summary.sql
    """
    yield _SEARCHES.format(mode=_mode(summary), **summary)
    yield _ROLL_CALL.format(**summary)


def rare_hashtag_line(row: Row) -> str:
    """Return the warning about a search whose videos rarely carry its hashtag.

    :param row: a row of hashtags.sql
    """
    hashtag = printable_text(row["hashtag"])
    return (
        f"#{hashtag}: only {row['tagged_count']:,} of {row['video_count']:,} videos carry the hashtag; "
        "TikTok's search matched other words."
    )


def unidentified_line(summary: Row) -> str:
    """Return the number of creators that can't be fetched: rows of the original script without a TikTok id."""
    return (
        f"Creators without a TikTok id, never fetched: {summary['unidentified_count']:,}. The original script stored "
        "them under another key; their history is kept. They have is_identified = false in the table creators."
    )


def tracked_line(summary: Row) -> str:
    """Return the number of tracked creators by status."""
    return _TRACKED.format(**summary)


def snapshots_line(summary: Row, snapshots: Sequence[Row]) -> str:
    """Return the number of snapshots of the run's date: measured, estimated, backdated."""
    counts = ", ".join(f"{row['snapshot_count']:,} {BASIS_LABELS[row['basis']]}" for row in snapshots) or "none"
    return f"Snapshots of {summary['recorded_date']}: {counts}"


def cost_lines(calls: Row, new_comet_count: int, price_usd: float) -> Iterator[str]:
    """Yield the cost of the run and the cost per new Comet.

    :param calls: the row of calls.sql
    :param price_usd: price of one billed call
    """
    cost = calls["billed_count"] * price_usd
    yield _CALLS.format(cost=_usd(cost), **calls)
    if new_comet_count:
        yield f"Cost per new Comet: {_usd(cost / new_comet_count)} USD ({new_comet_count:,} new)"
    else:
        yield "Cost per new Comet: none, no new Comets in this run"


def stop_line(stop: Row, budget: int) -> str:
    """Return why the run stopped, as a line of the log.

    :param stop: a row of stops.sql
    :param budget: the run's budget of calls
    """
    return f"Stopped: {stop_reason(stop, budget)}"


def stop_reason(stop: Row, budget: int) -> str:
    """Return why the run stopped, as a sentence."""
    if _is_check(stop):
        return printable_text(stop["message"])
    return RunStop(stop["reason"], budget=budget, status=stop["status_code"]).sentence


def unreachable_line(rows: Sequence[Row], unreachable_count: int) -> str:
    """Return the creators whose profile could not be fetched: some by name, the rest as a number."""
    names = ", ".join(f"{printable_text(row['user_id'])} ({row['outcome']})" for row in rows)
    rest = f" and {unreachable_count - len(rows):,} more" if unreachable_count > len(rows) else ""
    return f"Profiles that could not be fetched, history kept: {names}{rest}"


def not_fetched_line(summary: Row, is_stopped: bool) -> str:
    """Return the number of planned creators that were not fetched, and why."""
    reason = (
        "The run stopped before them; the reason is above."
        if is_stopped
        else "TikHub failed for the accounts before them, or their batch failed."
    )
    return f"Creators not fetched: {summary['not_asked_count']:,}. {reason}"


def failure_text(summary: Row, hashtags: Sequence[Row], steps: Sequence[str], stops: Sequence[Row]) -> str:
    """Return what failed, what is stored nevertheless, and how to complete the run.

    :param hashtags: rows of the failed hashtags
    :param steps: task ids of the failed steps
    """
    parts = []
    if hashtags:
        reasons = "; ".join(f"#{printable_text(row['hashtag'])} ({_reason(row)})" for row in hashtags)
        parts.append(f"{len(hashtags):,} {'hashtag' if len(hashtags) == 1 else 'hashtags'} failed: {reasons}.")
    if steps:
        parts.append(f"Failed steps: {', '.join(steps)}; see their logs.")
    parts.append(
        "Nothing of this run is published; what was published before stays."
        if any(map(_is_check, stops))
        else "Everything else is stored."
    )
    return f"The run for {summary['recorded_date']} is incomplete. {' '.join(parts)} {_RECOVERY}"


def _is_check(stop: Row) -> bool:
    return stop["message"] is not None


def _reason(row: Row) -> str:
    if row["is_stopped"]:
        return "stopped, see the line Stopped in the report's log"
    return str(row["last_error"] or "see the log of its task")


def _mode(summary: Row) -> str:
    recorded_date = summary["recorded_date"]
    if summary["is_live"]:
        return f"Live run of {recorded_date}"
    return f"{'Refresh' if summary['is_refresh'] else 'Replay'} of the past date {recorded_date}"


def _usd(amount: float) -> str:
    return f"{amount:,.4f}"
