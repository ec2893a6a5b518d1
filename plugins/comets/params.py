"""The params of a run, each declared once: type, bounds, title, section of the form, and help.

The trigger form, the validation, the stored run and the reference in the docs follow from these models. The settings
file, which provides the defaults, extends their sections. A new param is a field here, a column of `comet_runs` with
its place in ``include/sql/runs/accept_run.sql``, and the SQL that uses it.
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
"""The most hashtags of a run: they are stored in one XCom, which every mapped task reads."""

SEARCH = "Search"
CRITERIA = "Comet criteria"
COST = "Cost"
SECTIONS = (SEARCH, CRITERIA, COST)
"""The sections of the trigger form, in order."""

PUBLISH_TIMES = {
    0: "any time",
    1: "last day",
    7: "last week",
    30: "last month",
    90: "last 3 months",
    180: "last 6 months",
}


def _in_section(section: str, **extra: Any) -> dict[str, Any]:
    return {"section": section, **extra}


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class Section(BaseModel):
    """A section of the settings file: strict, frozen, and without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CriteriaParams(Section):
    """The criteria of a Comet; all bounds are inclusive."""

    min_followers: int = Field(
        default=10_000,
        ge=0,
        le=MAX_COUNT,
        title="Minimum followers",
        description="A Comet has at least this many followers.",
        json_schema_extra=_in_section(CRITERIA),
    )
    max_followers: int = Field(
        default=100_000,
        ge=0,
        le=MAX_COUNT,
        title="Maximum followers",
        description="A Comet has at most this many followers.",
        json_schema_extra=_in_section(CRITERIA),
    )
    min_video_views: int = Field(
        default=50_000,
        ge=0,
        le=MAX_COUNT,
        title="Minimum video views",
        description="A Comet has at least one video with this many views or more.",
        json_schema_extra=_in_section(CRITERIA),
    )
    min_video_likes: int = Field(
        default=0,
        ge=0,
        le=MAX_COUNT,
        title="Minimum video likes",
        description="That video has at least this many likes too. 0 accepts videos with an unknown number of likes.",
        json_schema_extra=_in_section(CRITERIA),
    )


class SearchParams(Section):
    """The region, publish time and depth of a search."""

    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(
        default="US",
        title="Region",
        description="ISO 3166 country code of two letters, such as US. It affects what TikTok returns.",
        json_schema_extra=_in_section(SEARCH),
    )
    publish_time_days: Literal[0, 1, 7, 30, 90, 180] = Field(
        default=0,
        title="Published within",
        description="Only videos published within this many days before the run's date; 0 means any time.",
        json_schema_extra=_in_section(SEARCH, values_display={str(days): text for days, text in PUBLISH_TIMES.items()}),
    )
    pages_per_hashtag: int = Field(
        default=5,
        ge=1,
        le=100,
        title="Pages per hashtag",
        description="Maximum pages of one search. Each page is one paid TikHub call; an exhausted search makes fewer.",
        json_schema_extra=_in_section(COST),
    )
    page_size: int = Field(
        default=20,
        ge=1,
        le=100,
        title="Videos per page",
        description="Requested per page. If TikHub cuts off a large response, the search continues with smaller pages.",
        json_schema_extra=_in_section(COST),
    )


class BudgetParams(Section):
    """The spending limit of a run."""

    max_api_calls: int = Field(
        default=2000,
        ge=1,
        le=1_000_000,
        title="Call budget",
        description="Maximum TikHub calls of the run, retries included. Clearing the run resets the budget.",
        json_schema_extra=_in_section(COST),
    )


class RunParams(BudgetParams, CriteriaParams, SearchParams):
    """The params of a run, validated as a whole."""

    hashtags: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)] = Field(
        min_length=1,
        max_length=MAX_HASHTAGS,
        title="Hashtags",
        description="One per line, with or without #, in any script. A failing hashtag does not stop the others.",
        json_schema_extra=_in_section(SEARCH),
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
                "no creator can qualify"
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
            f"The run is refused, no call was made. Invalid params: {describe_errors(error)}. "
            "Correct them in the trigger form (or --conf) and trigger again."
        ) from error


def trigger_form(settings: Settings) -> dict[str, Param]:
    """Return the Dag's params, with the settings as defaults; Airflow validates them when a run is triggered."""
    # Airflow takes 1 s to import, and the stack's commands import this module.
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
        f" With the defaults: {calls:,} searches and one profile per tracked creator, at {price:g} USD per call, at "
        f"most {limit * price:.2f} USD."
    )
    names = sorted(schemas, key=lambda name: (SECTIONS.index(schemas[name]["section"]), name != "hashtags"))
    return {name: Param(**{**schemas[name], "default": defaults[name]}) for name in names}


def erasure_form() -> dict[str, Param]:
    """Return the params of the Dag `forget_creator`. Every run names the creator."""
    from airflow.sdk import Param

    return {
        "creator": Param(
            type="string",
            minLength=1,
            maxLength=MAX_ID_CHARS,
            title="Creator",
            description=(
                "The uid (digits), the sec_uid (MS4wLjAB...) or the handle with @. Prefer the uid: handles change "
                "owners, and Airflow keeps params. Erasure can't be undone."
            ),
        ),
        "confirm_uid": Param(
            "",
            type="string",
            maxLength=MAX_ID_CHARS,
            title="Confirm the uid",
            description=(
                "The creator's uid once more. Leave it out to learn the uid that a handle or sec_uid leads to: the run "
                "then fails without erasing anything, and its log has the uid."
            ),
        ),
    }


def describe_errors(error: ValidationError) -> str:
    """Return one line with every invalid field, what is wrong with it, and its value."""
    problems = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        value = "" if problem["type"] in {"missing", "value_error"} else f" (got {problem['input']!r})"
        problems.append(f"{field}: {message}{value}" if field else f"{message}{value}")
    return "; ".join(problems)
