"""What an address may ask for. Empty fields of a form are as good as absent ones, unknown ones are ignored."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from comets.hashtags import spell_hashtag
from comets.values import clean_text

MAX_PAGE = 1_000_000
MAX_TEXT = 100
MAX_SHOWN = 60
PAGE_SIZES = (25, 50, 100, 200)


class ParameterError(ValueError):
    """A parameter of the address is wrong; the text names it and says what it can be."""


class Parameters(BaseModel):
    """Parameters of a view."""

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
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_text)]
Hashtag = Annotated[Text, AfterValidator(spell_hashtag)]
Direction = Literal["asc", "desc"]


def read_parameters(model: type[Query], query: QueryParams) -> Query:
    """Read the parameters of an address; of one that is given twice the last counts.

    :raises ParameterError: one of them is wrong
    """
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ParameterError(_describe(str(problem["loc"][0]), problem["msg"], str(problem["input"]))) from None


def _describe(name: str, message: str, value: str) -> str:
    shown = value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}..."
    return f"The parameter {name} can't be {shown!r}: {message.removeprefix('Value error, ')}."
