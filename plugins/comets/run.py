"""What one run of the Dag was asked for, and the date it owns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from comets.errors import ParamsError
from comets.hashtags import normalise_hashtags
from comets.settings import MAX_HASHTAGS, PublishTimeDays, Region, describe_errors
from comets.values import MAX_COUNT


class DatedRun(Protocol):
    """The two instants of a Dag run that decide its date."""

    @property
    def logical_date(self) -> datetime | None: ...

    @property
    def run_after(self) -> datetime: ...


def run_date(dag_run: DatedRun, timezone: str) -> date:
    """The date a run owns, its ``recorded_date``: the day of its logical date in the Dag's timezone.

    A run triggered without a logical date, which Airflow 3 allows, owns the day of its ``run_after``. Both are stored
    with the run, so retries and clears keep the date.
    """
    instant = dag_run.logical_date or dag_run.run_after
    return instant.astimezone(ZoneInfo(timezone)).date()


def today(timezone: str) -> date:
    """This machine's date in the Dag's timezone."""
    return datetime.now(ZoneInfo(timezone)).date()


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class RunParams(BaseModel):
    """The params of a run, checked as a whole. Counts are inclusive bounds; see ``include/comets.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hashtags: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1, max_length=MAX_HASHTAGS)
    min_followers: int = Field(ge=0, le=MAX_COUNT)
    max_followers: int = Field(ge=0, le=MAX_COUNT)
    min_video_views: int = Field(ge=0, le=MAX_COUNT)
    pages_per_hashtag: int = Field(ge=1, le=100)
    page_size: int = Field(ge=1, le=100)
    publish_time_days: PublishTimeDays
    region: Region
    max_api_calls: int = Field(ge=1, le=1_000_000)
    refresh: bool

    @field_validator("hashtags")
    @classmethod
    def _normalised(cls, hashtags: list[str]) -> list[str]:
        return list(normalise_hashtags(hashtags))

    @model_validator(mode="after")
    def _band_is_not_empty(self) -> RunParams:
        if self.min_followers > self.max_followers:
            raise ValueError(
                f"min_followers ({self.min_followers:,}) is above max_followers ({self.max_followers:,}): "
                "no creator could ever qualify"
            )
        return self


def parse_params(params: Mapping[str, Any]) -> RunParams:
    """Check the params of a run.

    :raises ParamsError: names every wrong value at once.
    """
    try:
        return RunParams.model_validate(dict(params))
    except ValidationError as error:
        raise ParamsError(
            f"The run is refused, no call was made. Wrong params: {describe_errors(error)}. "
            "Correct them in the trigger form (or --conf) and trigger again."
        ) from error
