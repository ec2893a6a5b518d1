"""The params of a run, each declared once: type, bounds, title, section of the form, and help.

The trigger form, the validation, the stored run and the reference in the docs are made of these models. The models of
the sections are also those of the settings file, which gives the defaults. A new param is a field here, a column of
`comet_runs`, its place in ``include/sql/runs/accept_run.sql``, and the SQL that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from comets.errors import ParamsError
from comets.hashtags import normalise_hashtags
from comets.values import MAX_COUNT, MAX_ID_CHARS

if TYPE_CHECKING:
    from airflow.sdk import Param

    from comets.settings import Settings

MAX_HASHTAGS = 10_000
"""They pass through one XCom, which every mapped task reads."""

WHAT_TO_SEARCH = "What to search"
WHAT_COUNTS = "What makes a Comet"
COST = "What it may cost"
SECTIONS = (WHAT_TO_SEARCH, WHAT_COUNTS, COST)
"""Sections of the trigger form, in their order."""

PUBLISH_TIMES = {0: "any time", 1: "last day", 7: "last week", 30: "last month", 90: "3 months", 180: "6 months"}


def _in_section(section: str, **extra: Any) -> dict[str, Any]:
    return {"section": section, **extra}


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class Section(BaseModel):
    """A section of the settings file: strict, frozen, and without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CriteriaParams(Section):
    """What makes a creator a Comet; all bounds are inclusive counts."""

    min_followers: int = Field(
        default=10_000,
        ge=0,
        le=MAX_COUNT,
        title="Minimum followers",
        description="A Comet has at least this many followers.",
        json_schema_extra=_in_section(WHAT_COUNTS),
    )
    max_followers: int = Field(
        default=100_000,
        ge=0,
        le=MAX_COUNT,
        title="Maximum followers",
        description="A Comet has at most this many followers.",
        json_schema_extra=_in_section(WHAT_COUNTS),
    )
    min_video_views: int = Field(
        default=50_000,
        ge=0,
        le=MAX_COUNT,
        title="Minimum video views",
        description="A Comet has a video with at least this many views.",
        json_schema_extra=_in_section(WHAT_COUNTS),
    )


class SearchParams(Section):
    """How far and where a hashtag is searched."""

    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(
        default="US",
        title="Region",
        description="Two-letter country code, such as US. It shapes what TikTok returns.",
        json_schema_extra=_in_section(WHAT_TO_SEARCH),
    )
    publish_time_days: Literal[0, 1, 7, 30, 90, 180] = Field(
        default=0,
        title="Published within",
        description="Only videos published in this many days before the run's date; 0 means any time.",
        json_schema_extra=_in_section(
            WHAT_TO_SEARCH, values_display={str(days): text for days, text in PUBLISH_TIMES.items()}
        ),
    )
    pages_per_hashtag: int = Field(
        default=5,
        ge=1,
        le=100,
        title="Pages per hashtag",
        description="Each page is one paid TikHub call. A search that is exhausted makes fewer.",
        json_schema_extra=_in_section(COST),
    )
    page_size: int = Field(
        default=20,
        ge=1,
        le=100,
        title="Videos per page",
        description="After TikHub cuts a large answer short, the rest of that search uses smaller pages.",
        json_schema_extra=_in_section(COST),
    )


class BudgetParams(Section):
    """What one run may spend."""

    max_api_calls: int = Field(
        default=2000,
        ge=1,
        le=1_000_000,
        title="Call budget",
        description="TikHub calls that the run makes at most, retries included. Clearing the run resets the budget.",
        json_schema_extra=_in_section(COST),
    )


class RunParams(BudgetParams, CriteriaParams, SearchParams):
    """The params of a run, validated as a whole."""

    hashtags: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)] = Field(
        min_length=1,
        max_length=MAX_HASHTAGS,
        title="Hashtags",
        description="One per line, with or without #, in any script. Each is searched and can fail by itself.",
        json_schema_extra=_in_section(WHAT_TO_SEARCH),
    )
    refresh: bool = Field(
        default=False,
        title="Force refresh",
        description="Fetch searches and profiles again even if this date already has data.",
        json_schema_extra=_in_section(COST),
    )

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
    """Validate the params of a run.

    :raises ParamsError: names every wrong value at once.
    """
    try:
        return RunParams.model_validate(dict(params))
    except ValidationError as error:
        raise ParamsError(
            f"The run is refused, no call was made. Wrong params: {describe_errors(error)}. "
            "Correct them in the trigger form (or --conf) and trigger again."
        ) from error


def trigger_form(settings: Settings) -> dict[str, Param]:
    """Return the Dag's params with the settings' values as defaults; Airflow validates them when a run is triggered."""
    # Airflow takes a second to import, and the stack's commands import this module.
    from airflow.sdk import Param

    schemas = RunParams.model_json_schema()["properties"]
    defaults = {
        "hashtags": settings.hashtags,
        "refresh": False,
        **settings.criteria.model_dump(),
        **settings.search.model_dump(),
        **settings.budget.model_dump(),
    }
    calls = len(settings.hashtags) * settings.search.pages_per_hashtag
    price, limit = settings.budget.price_per_call_usd, settings.budget.max_api_calls
    schemas["max_api_calls"]["description"] += (
        f" With the defaults: {calls:,} searches and a profile of each tracked creator, at {price:g} USD a call, never "
        f"more than {limit * price:.2f} USD."
    )
    names = sorted(schemas, key=lambda name: (SECTIONS.index(schemas[name]["section"]), name != "hashtags"))
    return {name: Param(**{**schemas[name], "default": defaults[name]}) for name in names}


def erasure_form() -> dict[str, Param]:
    """Return the param of the Dag that erases a creator. It has no default: every run has to name the creator."""
    from airflow.sdk import Param

    return {
        "creator": Param(
            type="string",
            minLength=1,
            maxLength=MAX_ID_CHARS,
            title="Creator",
            description=(
                "The handle with @, the uid (digits) or the sec_uid (MS4wLjAB...). The uid is the safest: handles "
                "change owners. Erasure can't be undone."
            ),
        )
    }


def describe_errors(error: ValidationError) -> str:
    """Return one line for people: every wrong field, what is wrong with it, and its value."""
    problems = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"]) or "the whole"
        message = problem["msg"].removeprefix("Value error, ")
        value = "" if problem["type"] in {"missing", "value_error"} else f" (got {problem['input']!r})"
        problems.append(f"{field}: {message}{value}")
    return "; ".join(problems)
