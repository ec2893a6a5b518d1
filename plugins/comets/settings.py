"""The settings file of the package and the places of its parts."""

from __future__ import annotations

import os
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, AliasChoices, Field, ValidationError, model_validator

from comets.params import MAX_HASHTAGS, BudgetParams, CriteriaParams, SearchParams, Section, describe_errors

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
SQL_FOLDER = PROJECT_FOLDER / "include" / "sql"
SCHEMA_FILE = "include/sql/setup_database.sql"
GRANT_FILE = "include/sql/grant_role.sql"

SETTINGS_FILE_VARIABLE = "COMETS_SETTINGS_FILE"
PACE_VARIABLE = "COMETS_REQUESTS_PER_SECOND"
DEFAULT_SETTINGS_FILE = PROJECT_FOLDER / "include" / "comets.yaml"

DAG_ID = "comet_discovery"
TIKHUB_CONN_ID = "tikhub"
DATABASE_CONN_ID = "comets_db"
NOTICES_CONN_ID = "comets_notices"
POOL = "tikhub"

MAX_MAPPED_TASKS = 1000
"""Stays below Airflow's ``[core] max_map_length``, 1024 by default."""

MIN_AUTO_SLOTS = 4
MAX_AUTO_SLOTS = 16
"""Airflow's ``[core] max_active_tasks_per_dag``; each slot is a process of 50 MB."""
SLOT_SECONDS_PER_CALL = 2.4
"""Seconds of a slot for each call of the slower route, with calls of one second and a profile for every third page."""

# Written in C where PyYAML has it: every task parses the Dag file, which reads the settings.
_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SettingsError(ValueError):
    """The settings file is missing or says something that can't be."""


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no timezone of the tz database") from error
    return name


Timezone = Annotated[str, AfterValidator(_known_timezone)]


class Search(SearchParams):
    """How far and where a hashtag is searched."""

    hashtags_per_task: int = Field(default=1, ge=1, le=1000)


class Budget(BudgetParams):
    """What one run may spend."""

    price_per_call_usd: float = Field(default=0.001, ge=0)


class RollCall(Section):
    """How the daily profiles of tracked creators are shared out."""

    batch_size: int = Field(default=50, ge=1, le=1000)


class Pace(Section):
    """How fast TikHub is asked, by everybody who shares the creators' database."""

    requests_per_second: float = Field(default=1, ge=0.01, le=1000)


class Checks(Section):
    """Thresholds of the quality checks. Shares are fractions of 1; smaller samples than the minimum pass."""

    min_sample_count: int = Field(default=10, ge=1)
    max_missing_field_share: float = Field(default=0.5, ge=0, le=1)
    min_answered_share: float = Field(default=0.5, ge=0, le=1)
    max_halved_share: float = Field(default=0.2, ge=0, le=1)


class Notices(Section):
    """What is worth a notice besides new Comets."""

    breakout_ratio: float = Field(default=3, gt=0)


Weight = Annotated[float, Field(ge=0, le=1_000_000)]


class ScoreWeights(Section):
    """What each part of the comet score counts; only their proportions matter."""

    growth: Weight = 0.35
    acceleration: Weight = 0.15
    engagement: Weight = 0.20
    reach: Weight = 0.20
    breakout: Weight = 0.10

    @model_validator(mode="after")
    def _some_part_counts(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("every weight is 0, so there is nothing to make a score of")
        return self


class Score(Section):
    """How the comet score is made; `version` is the user's own number for these weights, stored with each date."""

    version: int = Field(default=1, ge=1, le=1_000_000)
    weights: ScoreWeights = ScoreWeights()


class Retention(Section):
    """How long TikHub's answers are kept, in days."""

    landing_days: int = Field(default=365, ge=30)


class Retries(Section):
    """How often one TikHub call is tried, and the pauses in between, in seconds."""

    tries_per_call: int = Field(default=3, ge=1, le=10)
    rate_limit_tries: int = Field(default=5, ge=1, le=20)
    delay_seconds: float = Field(default=10, ge=0, le=300)
    max_delay_seconds: float = Field(default=60, ge=0, le=300)


class Settings(Section):
    """The whole of ``include/comets.yaml``."""

    hashtags: list[str] = Field(min_length=1, max_length=MAX_HASHTAGS)
    criteria: CriteriaParams = CriteriaParams()
    search: Search = Search()
    budget: Budget = Budget()
    timezone: Timezone = "UTC"
    pool_slots: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    pace: Pace = Pace()
    roll_call: RollCall = RollCall()
    checks: Checks = Field(default=Checks(), validation_alias=AliasChoices("checks", "gates"))
    score: Score = Score()
    notices: Notices = Notices()
    retention: Retention = Retention()
    retries: Retries = Retries()

    @property
    def slots(self) -> int:
        """How many tasks ask TikHub at a time: ``pool_slots``, or as many as it takes to keep the pace.

        A task makes one call after the other, so at one second each it makes less than one a second; starting, landing
        and the profiles of authors take their part of its time too.
        """
        if self.pool_slots != "auto":
            return self.pool_slots
        return min(MAX_AUTO_SLOTS, max(MIN_AUTO_SLOTS, ceil(self.pace.requests_per_second * SLOT_SECONDS_PER_CALL)))


def load_settings(path: Path) -> Settings:
    """Read and check a settings file.

    :raises SettingsError: names the file and every value that is wrong.
    """
    try:
        return Settings.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML_LOADER))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"The settings file {path} can't be read: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"The settings file {path} is wrong: {describe_errors(error)}") from error


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings in force: the file named by ``COMETS_SETTINGS_FILE``, else ``include/comets.yaml``.

    ``COMETS_REQUESTS_PER_SECOND`` beats the file.

    :raises SettingsError: names the file or the variable, and the value that is wrong.
    """
    found = load_settings(Path(os.environ.get(SETTINGS_FILE_VARIABLE) or DEFAULT_SETTINGS_FILE))
    rate = os.environ.get(PACE_VARIABLE)
    return found.model_copy(update={"pace": _pace_of(rate)}) if rate else found


def _pace_of(text: str) -> Pace:
    try:
        return Pace(requests_per_second=float(text))
    except ValidationError as error:
        raise SettingsError(f"{PACE_VARIABLE} is wrong: {describe_errors(error)}") from error
    except ValueError as error:
        raise SettingsError(f"{PACE_VARIABLE} is wrong: {text!r} is no number") from error
