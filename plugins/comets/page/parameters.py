"""Query parameters of the views. Empty parameters count as absent, unknown ones are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from comets.hashtags import spell_hashtag
from comets.page.formatting import short
from comets.params import CriteriaParams
from comets.values import clean_text

MAX_PAGE = 1_000_000
MAX_TEXT_LENGTH = 100
MAX_SHOWN_LENGTH = 60
PAGE_SIZES = (25, 50, 100, 200)
COMETS: Literal["comets"] = "comets"


class ParameterError(ValueError):
    """A query parameter is invalid; the text names it and what is allowed."""


class Parameters(BaseModel):
    """Query parameters of a view."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Query = TypeVar("Query", bound=Parameters)


def _date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date like 2026-03-01") from None


def _page_size(value: int) -> int:
    if value not in PAGE_SIZES:
        raise ValueError(f"must be one of {', '.join(map(str, PAGE_SIZES))}")
    return value


def _text(value: str) -> str:
    return clean_text(value)


Day = Annotated[date, BeforeValidator(_date)]
PageNumber = Annotated[int, Field(ge=1, le=MAX_PAGE)]
PageSize = Annotated[int, AfterValidator(_page_size)]
Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH), AfterValidator(_text)]
Hashtag = Annotated[Text, AfterValidator(spell_hashtag)]
Direction = Literal["asc", "desc"]
BandKey = Literal["comets", "10k-25k", "25k-50k", "50k-100k", "below", "above", "all"]


@dataclass(frozen=True)
class FollowerBand:
    """A range of followers, both bounds inclusive; None is unbounded."""

    key: BandKey
    label: str
    min_followers: int | None = None
    max_followers: int | None = None


def follower_bands(criteria: CriteriaParams) -> dict[BandKey, FollowerBand]:
    """Return the bands by key; the first one holds the Comets."""
    low, high = criteria.min_followers, criteria.max_followers
    bands = (
        FollowerBand(COMETS, f"Comets ({short(low)}-{short(high)})", low, high),
        FollowerBand("10k-25k", "10k-25k", 10_000, 25_000),
        FollowerBand("25k-50k", "25k-50k", 25_000, 50_000),
        FollowerBand("50k-100k", "50k-100k", 50_000, 100_000),
        FollowerBand("below", f"Below {short(low)}", None, low - 1),
        FollowerBand("above", f"Above {short(high)}", high + 1, None),
        FollowerBand("all", "All tracked creators"),
    )
    return {band.key: band for band in bands}


def read_parameters(model: type[Query], query: QueryParams) -> Query:
    """Validate the query parameters of a request; the last of repeated ones wins.

    :raises ParameterError: one of them is invalid
    """
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ParameterError(_describe(str(problem["loc"][0]), problem["msg"], str(problem["input"]))) from None


def _describe(name: str, message: str, value: str) -> str:
    shown = value if len(value) <= MAX_SHOWN_LENGTH else f"{value[:MAX_SHOWN_LENGTH]}..."
    return f"The parameter {name} can't be {shown!r}: {message.removeprefix('Value error, ')}."
