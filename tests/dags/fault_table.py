"""Faults of TikHub and the expected reactions, as data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

IS_LONG = os.environ.get("COMETS_TEST_PROFILE") == "long"

Reaction = Literal["retry", "wait", "smaller page", "fail", "stop the run", "no account"]

FAILED_CALLS: dict[Reaction, int] = {
    # Attempts of a call that always fails, over hook and Airflow together.
    "retry": 3,
    "wait": 5,
    "smaller page": 3,
    "fail": 1,
    "stop the run": 1,
    "no account": 1,
}

OFFSETS = {"first": 0, "middle": 4, "last": 8}
"""Offsets of the three pages of every search."""

PAGE_SIZE = 4


@dataclass(frozen=True)
class Kind:
    """A fault.

    :param rule: the sandbox's rule
    :param reaction: reaction to it in a search
    :param error: class of the error
    :param status: HTTP status in the ledger
    :param is_billed: billing in the ledger; None: unknown
    :param sandbox_bills: billing by the sandbox
    :param reason_text: part of the reason that Airflow shows
    :param ever: places of a search where it is tested as permanent; all in the long profile
    :param profile: reaction to it for a profile, if different
    """

    rule: dict[str, Any]
    reaction: Reaction
    error: str
    status: int | None
    is_billed: bool | None
    sandbox_bills: bool | None
    reason_text: str
    ever: tuple[str, ...]
    profile: Reaction | None = None

    @property
    def of_profile(self) -> Reaction:
        """The reaction for a profile."""
        if self.profile:
            return self.profile
        return "retry" if self.reaction == "smaller page" else self.reaction


def _status(status: int, reaction: Reaction, error: str, reason_text: str, *ever: str, **rule: Any) -> Kind:
    rule = {"fault": "status", "status": status, **rule}
    return Kind(rule, reaction, f"TikHub{error}Error", status, False, False, reason_text, ever)


def _inner(status: int, reaction: Reaction, error: str, *ever: str, profile: Reaction | None = None) -> Kind:
    rule = {"fault": "inner_status", "status": status}
    reason_text = f"(HTTP 200, inner status {status})"
    return Kind(rule, reaction, f"TikHub{error}Error", 200, True, True, reason_text, ever, profile)


def _broken(
    reaction: Reaction, error: str, status: int | None, bills: bool | None, reason_text: str, *ever: str
) -> Kind:
    return Kind({}, reaction, f"TikHub{error}Error", status, None, bills, reason_text, ever)


def _with(kind: Kind, **rule: Any) -> Kind:
    return Kind(**{**vars(kind), "rule": rule})


FLAKED = "refused the request for one of three reasons"

EVERY_KIND: dict[str, Kind] = {
    "429 with Retry-After": _status(429, "wait", "RateLimit", "limits the rate of calls", "first", retry_after=7),
    "429": _status(429, "wait", "RateLimit", "limits the rate of calls (HTTP 429)", "middle"),
    "inner 429": _inner(429, "wait", "RateLimit", "last"),
    "500": _status(500, "retry", "Transient", "or the platform behind it failed (HTTP 500)", "first"),
    "502": _status(502, "retry", "Transient", "or the platform behind it failed (HTTP 502)", "middle"),
    "503": _status(503, "retry", "Transient", "or the platform behind it failed (HTTP 503)", "last"),
    "inner 500": _inner(500, "retry", "Transient", "first"),
    "timeout": _with(
        _broken("retry", "Transient", None, None, "sent no response within", "middle"), fault="timeout", delay=600
    ),
    "web page": _with(
        _broken("retry", "Transient", 200, False, "a web page instead of JSON", "last"), fault="html", status=200
    ),
    "web page with 502": Kind(
        {"fault": "html", "status": 502}, "retry", "TikHubTransientError", 502, False, False, "(HTTP 502)", ("first",)
    ),
    "broken JSON": _with(_broken("retry", "Transient", 200, True, "broken JSON", "middle"), fault="invalid_json"),
    "400": _status(400, "retry", "Ambiguous", FLAKED, "first", "middle", "last"),
    "inner 5": _inner(5, "retry", "Ambiguous", "first"),
    "inner 10221": _inner(10221, "retry", "Ambiguous", "last", profile="no account"),
    "cut body": _with(
        _broken("smaller page", "CutBody", 200, None, "connection failed after", "first", "last"), fault="cut_body"
    ),
    "over-long body": _with(
        _broken("smaller page", "CutBody", 200, True, "larger than", "middle"), fault="long_body", extra=900_000
    ),
    "404": _status(404, "fail", "Request", "does not know this route", "first"),
    "405": _status(405, "fail", "Request", "does not allow GET", "middle"),
    "422": _status(422, "fail", "Request", "refused the parameters", "last"),
    "redirect": Kind(
        {"fault": "redirect"}, "fail", "TikHubRequestError", 302, False, False, "sent a redirect", ("first",)
    ),
    "401": _status(401, "stop the run", "Auth", "refused the API key (HTTP 401)", "first"),
    "402": _status(402, "stop the run", "Balance", "lack of balance (HTTP 402)", "middle"),
    "403": _status(403, "stop the run", "Auth", "forbids this call (HTTP 403)", "last"),
    "inner 401": _inner(401, "stop the run", "Auth", "roll call"),
    "inner 402": _inner(402, "stop the run", "Balance", "hidden author"),
}

SAME_ERROR = {
    *("429", "inner 429", "500", "503", "inner 500", "timeout", "web page with 502", "broken JSON"),
    *("inner 5", "405", "422", "402", "403"),
}
"""Faults with the same error as another; whole runs test them in the long profile only."""

KINDS = {name: kind for name, kind in EVERY_KIND.items() if IS_LONG or name not in SAME_ERROR}

PASSING = {name: kind for name, kind in KINDS.items() if kind.reaction not in ("fail", "stop the run")}
FINAL = {name: kind for name, kind in KINDS.items() if kind.reaction == "fail"}
FATAL = {name: kind for name, kind in KINDS.items() if kind.reaction == "stop the run"}

FAILING_PROFILES = {name: kind for name, kind in PASSING.items() if kind.reaction != "wait" or name not in SAME_ERROR}
"""Faults of profiles that always fail. Only one is a 429: after a second one in a row the task no longer waits."""

PERMANENT = [
    (name, place) for name, kind in {**PASSING, **FINAL}.items() for place in (OFFSETS if IS_LONG else kind.ever)
]
"""Searches that always fail: fault and place."""

FATAL_PLACES = (*OFFSETS, "roll call", "hidden author")
FATAL_CELLS = [
    (name, place, is_once)
    for name, kind in FATAL.items()
    for place in (FATAL_PLACES if IS_LONG else kind.ever)
    for is_once in ((True, False) if IS_LONG else (place in ("first", "middle", "roll call"),))
]

DATE_OF_FATAL_RUNS = date(2026, 4, 1)
"""Date of the first fatal run; each has its own date."""
