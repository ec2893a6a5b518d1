"""Read docker-compose.yaml as Compose does: merged and interpolated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
COMPOSE_FILE = PROJECT_FOLDER / "docker-compose.yaml"
TEXT = COMPOSE_FILE.read_text(encoding="utf-8")
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
AIRFLOW_SERVICES = {name: service for name, service in SERVICES.items() if name.startswith("airflow-")}
HOME = "/opt/airflow"

# `${NAME}` with `:-default` or `:?message`; `$$` is a literal dollar sign.
REFERENCE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<text>[^}]*))?\}")


def environment_of(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a service's container for given variables."""
    declared: dict[str, str | None] = SERVICES[service]["environment"]
    filled = {name: values.get(name) if text is None else fill_in(text, values) for name, text in declared.items()}
    return {name: text for name, text in filled.items() if text is not None}


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Interpolate a text; raise KeyError for a missing required variable."""

    def value(found: re.Match[str]) -> str:
        if found["kind"] == "?":
            return values[found["name"]]
        return values.get(found["name"]) or found["text"] or ""

    return REFERENCE.sub(value, text).replace("$$", "$")


def references() -> dict[str, set[str]]:
    """Return every interpolated variable, with the kinds of its references: "?", "-", or "" for a plain one."""
    found: dict[str, set[str]] = {}
    for match in REFERENCE.finditer(TEXT):
        found.setdefault(match["name"], set()).add(match["kind"] or "")
    return found


def passed_through() -> set[str]:
    """Return every variable that containers receive unchanged."""
    return {
        name for service in AIRFLOW_SERVICES.values() for name, text in service["environment"].items() if text is None
    }


def required() -> set[str]:
    """Return every variable that Compose requires."""
    return {name for name, kinds in references().items() if "?" in kinds}
