"""The settings file of the package, and the names and paths that all rooms share."""

from __future__ import annotations

import os
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, Self
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
"""Below Airflow's ``[core] max_map_length``, which is 1024 by default."""

MIN_AUTO_SLOTS = 4
MAX_AUTO_SLOTS = 16
"""The default of Airflow's ``[core] max_active_tasks_per_dag``; each slot is a process of 50 MB."""
SLOT_SECONDS_PER_CALL = 2.4
"""Slot time per call of the slower route, for calls of 1 s and one profile per three pages."""

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SettingsError(ValueError):
    """The settings file is missing, or has an invalid value."""


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is not a timezone of the tz database") from error
    return name


Timezone = Annotated[str, AfterValidator(_known_timezone)]


class Search(SearchParams):
    """The region, publish time and depth of a search, and the hashtags per task."""

    hashtags_per_task: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Minimum hashtags per mapped task. Raised automatically when a run would exceed 1,000 tasks, and "
        "lowered when a task could not finish in time at the configured pace.",
    )


class Budget(BudgetParams):
    """The spending limit of a run, and the price of a call."""

    price_per_call_usd: float = Field(
        default=0.001, ge=0, description="Price of one successful TikHub call, in USD. Used for forecasts and reports."
    )


class RollCall(Section):
    """The distribution of daily profile calls over tasks."""

    batch_size: int = Field(
        default=50, ge=1, le=1000, description="Tracked creators per mapped task, fetched one after the other."
    )


class Pace(Section):
    """The rate limit for TikHub, shared by all users of the creators' database."""

    requests_per_second: float = Field(
        default=1,
        ge=0.01,
        le=1000,
        description="Calls per second and TikHub route, over all tasks, runs and machines that share the creators' "
        "database. The environment variable COMETS_REQUESTS_PER_SECOND overrides it.",
    )


class Checks(Section):
    """The thresholds of the quality checks. A failed check stops the run before it publishes its date."""

    min_sample_count: int = Field(
        default=10,
        ge=1,
        description="Minimum number of items or creators for a check of a share; smaller samples pass.",
    )
    max_missing_field_share: float = Field(
        default=0.5, ge=0, le=1, description="Maximum share of items without a required field, as a fraction of 1."
    )
    min_answered_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Minimum share of the roll call's creators that TikHub answers for, as a fraction of 1.",
    )
    max_halved_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Maximum share of creators whose followers fall by half or more between two readings, as a "
        "fraction of 1.",
    )


class Notices(Section):
    """The threshold of notifications about breakouts. New Comets are always included."""

    breakout_ratio: float = Field(
        default=3,
        gt=0,
        description="A video is a breakout from this multiple of the median views of its creator's other videos.",
    )


def _weight(default: float, part: str) -> Any:
    return Field(default=default, ge=0, le=1_000_000, description=f"Weight of {part}, relative to the other weights.")


class ScoreWeights(Section):
    """The weights of the comet score. Only their proportions matter, and at least one is above 0."""

    growth: float = _weight(0.35, "the growth rate")
    acceleration: float = _weight(0.15, "acceleration, the change of the growth rate")
    engagement: float = _weight(0.20, "engagement: likes, comments and shares per view")
    reach: float = _weight(0.20, "reach: views per follower")
    breakout: float = _weight(0.10, "the breakout: views of the best video relative to the others")

    @model_validator(mode="after")
    def _has_weight(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("every weight is 0, so no score can be computed")
        return self


class Score(Section):
    """The comet score."""

    version: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="Your version number of the weights, stored with every scored date. Increase it when you change "
        "them.",
    )
    weights: ScoreWeights = Field(default=ScoreWeights(), description="The weights of the parts of the score.")


def _days(default: int, minimum: int, what: str) -> Any:
    return Field(default=default, ge=minimum, description=f"Days after which {what}. Empty (null): never.")


class Retention(Section):
    """The retention of personal data and logs. Snapshots are never deleted."""

    landing_days: int | None = _days(365, 30, "landed videos, profiles and rejected items are deleted")
    former_handle_days: int | None = _days(
        365, 1, "a handle that its creator has replaced is deleted, counted from the first reading of the next handle"
    )
    missing_profile_days: int | None = _days(
        90,
        1,
        "the nickname, bio and avatar address of a creator with status missing are deleted, counted from the date of "
        "its third failure",
    )
    task_log_days: int | None = _days(
        30, 1, "log files of this package's tasks are deleted, on the machine that runs `comet_maintenance`"
    )
    airflow_days: int | None = _days(
        90, 1, "runs, task instances and audit log are deleted from Airflow's own database"
    )


class Privacy(Section):
    """The limit of erasures, which can't be undone."""

    max_erasures_per_day: int = Field(
        default=20, ge=0, le=10_000, description="Creators that `forget_creator` erases in 24 hours at most."
    )


class Retries(Section):
    """The attempts of one TikHub call, and the delays between them."""

    tries_per_call: int = Field(
        default=3, ge=1, le=10, description="Attempts of one call in total, the first included."
    )
    rate_limit_tries: int = Field(
        default=5,
        ge=1,
        le=20,
        description="Attempts of one call in total when TikHub answers 429. The delay is what TikHub requests.",
    )
    delay_seconds: float = Field(
        default=10,
        ge=0,
        le=300,
        description="Delay before the second attempt, in seconds. It doubles with each further attempt.",
    )
    max_delay_seconds: float = Field(default=60, ge=0, le=300, description="Maximum delay, in seconds.")


class Settings(Section):
    """The settings file, ``include/comets.yaml`` by default."""

    hashtags: list[str] = Field(
        min_length=1,
        max_length=MAX_HASHTAGS,
        description="Hashtags that the daily run searches, with or without a leading #, in any script.",
    )
    criteria: CriteriaParams = Field(default=CriteriaParams(), description="The criteria of a Comet.")
    search: Search = Field(default=Search(), description="Region, publish time and depth of the searches.")
    budget: Budget = Field(default=Budget(), description="The spending limit of a run.")
    timezone: Timezone = Field(
        default="UTC", description="Timezone of the 02:00 schedule and of every recorded_date, a tz database name."
    )
    pool_slots: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="Parallel TikHub tasks over all runs and backfills, set on the pool tikhub when the stack starts: "
        "a number, or auto for as many as the pace needs, from 4 to 16.",
    )
    pace: Pace = Field(default=Pace(), description="The rate limit for TikHub.")
    roll_call: RollCall = Field(default=RollCall(), description="The distribution of daily profile calls over tasks.")
    checks: Checks = Field(
        default=Checks(),
        validation_alias=AliasChoices("checks", "gates"),
        description="Thresholds of the quality checks.",
    )
    score: Score = Field(default=Score(), description="The comet score.")
    notices: Notices = Field(default=Notices(), description="The threshold of notifications about breakouts.")
    retention: Retention = Field(default=Retention(), description="The retention of personal data and logs.")
    privacy: Privacy = Field(default=Privacy(), description="The limit of erasures, which can't be undone.")
    retries: Retries = Field(default=Retries(), description="Attempts of one TikHub call, and the delays between them.")

    @property
    def slots(self) -> int:
        """Return the number of parallel TikHub tasks: ``pool_slots``, or as many as the pace needs.

        A task makes its calls one after the other, and also spends time on starting, landing and authors' profiles.
        """
        if self.pool_slots != "auto":
            return self.pool_slots
        return min(MAX_AUTO_SLOTS, max(MIN_AUTO_SLOTS, ceil(self.pace.requests_per_second * SLOT_SECONDS_PER_CALL)))


def load_settings(path: Path) -> Settings:
    """Read and validate a settings file.

    :raises SettingsError: names the file and every invalid value.
    """
    try:
        return Settings.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML_LOADER))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"The settings file {path} can't be read: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"The settings file {path} is invalid: {describe_errors(error)}") from error


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of the file named by ``COMETS_SETTINGS_FILE``, else of ``include/comets.yaml``.

    ``COMETS_REQUESTS_PER_SECOND`` overrides the file.

    :raises SettingsError: names the file or the variable, and the invalid value.
    """
    loaded = load_settings(Path(os.environ.get(SETTINGS_FILE_VARIABLE) or DEFAULT_SETTINGS_FILE))
    rate = os.environ.get(PACE_VARIABLE)
    return loaded.model_copy(update={"pace": _parse_pace(rate)}) if rate else loaded


def _parse_pace(text: str) -> Pace:
    try:
        return Pace(requests_per_second=float(text))
    except ValidationError as error:
        raise SettingsError(f"{PACE_VARIABLE} is invalid: {describe_errors(error)}") from error
    except ValueError as error:
        raise SettingsError(f"{PACE_VARIABLE} is invalid: {text!r} is not a number") from error
