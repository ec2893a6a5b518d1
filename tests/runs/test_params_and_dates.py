from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from comets.dates import run_date
from comets.errors import ParamsError
from comets.params import parse_params


@dataclass
class Run:
    logical_date: datetime | None
    run_after: datetime


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PARAMS: dict[str, Any] = {
    "hashtags": ["#GymTok"],
    "min_followers": 10_000,
    "max_followers": 100_000,
    "min_video_views": 50_000,
    "pages_per_hashtag": 5,
    "page_size": 20,
    "publish_time_days": 0,
    "region": "US",
    "max_api_calls": 500,
    "refresh": False,
}


@pytest.mark.parametrize(
    ("logical_date", "run_after", "timezone", "expected"),
    [
        pytest.param("2026-03-01T02:00", "2026-11-22T10:00", "UTC", "2026-03-01", id="backfilled later"),
        pytest.param(None, "2026-11-22T10:11", "UTC", "2026-11-22", id="triggered without a logical date"),
        pytest.param("2026-11-21T18:00", "2026-11-21T18:00", "Asia/Shanghai", "2026-11-22", id="east of Greenwich"),
        pytest.param("2026-03-09T03:30", "2026-03-09T03:30", "America/New_York", "2026-03-08", id="after a change"),
        pytest.param("2026-03-29T01:00", "2026-03-29T01:00", "Europe/Berlin", "2026-03-29", id="day without 02:00"),
        pytest.param("2026-10-25T00:00", "2026-10-25T00:00", "Europe/Berlin", "2026-10-25", id="first of two 02:00"),
        pytest.param("2026-03-01T18:29:59", "2026-03-01T18:30", "Asia/Kolkata", "2026-03-01", id="before midnight"),
        pytest.param(None, "2026-03-01T18:30", "Asia/Kolkata", "2026-03-02", id="midnight at half past"),
    ],
)
def test_run_date_is_the_day_of_the_logical_date_in_the_dags_timezone(
    logical_date: str | None, run_after: str, timezone: str, expected: str
) -> None:
    run = Run(at(logical_date) if logical_date else None, at(run_after))
    assert run_date(run, timezone) == date.fromisoformat(expected)


def test_hashtags_of_valid_params_are_normalised() -> None:
    assert parse_params({**PARAMS, "hashtags": ["#GymTok", "gymtok", "日本語"]}).hashtags == ["gymtok", "日本語"]


@pytest.mark.parametrize(
    ("invalid", "message"),
    [
        ({"hashtags": []}, "hashtags"),
        ({"hashtags": ["#"]}, "empty"),
        ({"hashtags": "gymtok"}, "hashtags"),
        ({"min_followers": "10000"}, "min_followers"),
        ({"min_followers": 200_000}, "no creator can qualify"),
        ({"min_video_views": 2**63}, "min_video_views"),
        ({"pages_per_hashtag": 0}, "pages_per_hashtag"),
        ({"page_size": 1000}, "page_size"),
        ({"publish_time_days": 2}, "publish_time_days"),
        ({"region": "usa"}, "region"),
        ({"max_api_calls": 0}, "max_api_calls"),
        ({"refresh": "yes"}, "refresh"),
        ({"hashtag": ["gymtok"]}, "hashtag"),
    ],
)
def test_invalid_param_is_named(invalid: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        parse_params({**PARAMS, **invalid})


def test_all_invalid_params_are_named_at_once() -> None:
    with pytest.raises(ParamsError, match=r"(?s)region.*max_api_calls"):
        parse_params({**PARAMS, "region": "", "max_api_calls": -1})
