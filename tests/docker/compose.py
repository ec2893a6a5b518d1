"""Read docker-compose.yaml as Compose does: merged and interpolated, with the secrets of each service."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
COMPOSE_FILE = PROJECT_FOLDER / "docker-compose.yaml"
SECRETS_SCRIPT = PROJECT_FOLDER / "include" / "docker" / "secrets.sh"
TEXT = COMPOSE_FILE.read_text(encoding="utf-8")
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
AIRFLOW_SERVICES = {name: service for name, service in SERVICES.items() if name.startswith("airflow-")}
HOME = "/opt/airflow"

# `${NAME}` with `:-default`, `:+replacement` or `:?message`; `$$` is a literal dollar sign.
REFERENCE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::(?P<kind>[-+?])(?P<text>[^}]*))?\}")
# Files of secrets.sh with several settings.
SETTINGS_FILES = {
    "tikhub.env": {"TIKHUB_API_KEY", "TIKHUB_BASE_URL", "AIRFLOW_CONN_TIKHUB"},
    "notices.env": {"COMETS_NOTICES_URL", "AIRFLOW_CONN_COMETS_NOTICES"},
    "database.env": {
        "SUPABASE_DB_URL",
        "POSTGRES_URL_NON_POOLING",
        "POSTGRES_URL",
        "DATABASE_URL",
        "DB_HOST",
        "DB_PORT",
        "DB_NAME",
        "DB_USER",
        "DB_PASSWORD",
        "AIRFLOW_CONN_COMETS_DB",
    },
}
SETTINGS_FILES["page.env"] = SETTINGS_FILES["database.env"]
SECRET_SETTINGS = set().union(*SETTINGS_FILES.values()) | {"COMETS_PAGE_DATABASE_URL"}


def secrets_of(service: str) -> set[str]:
    """Return the names of the secrets that a service mounts."""
    return set(SERVICES[service].get("secrets", ()))


def environment_of(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return what a service's container knows for given variables: its environment and its secrets."""
    declared: dict[str, str | None] = SERVICES[service]["environment"]
    filled = {name: values.get(name) if text is None else fill_in(text, values) for name, text in declared.items()}
    known = set().union(*(SETTINGS_FILES.get(name, {name}) for name in secrets_of(service)))
    return {
        **{name: values[name] for name in known if name in values},
        **{name: text for name, text in filled.items() if text is not None},
    }


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Interpolate a text; raise KeyError for a missing required variable."""

    def value(found: re.Match[str]) -> str:
        if found["kind"] == "?":
            return values[found["name"]]
        if found["kind"] == "+":
            return found["text"] if values.get(found["name"]) else ""
        return values.get(found["name"]) or found["text"] or ""

    return REFERENCE.sub(value, text).replace("$$", "$")


def references() -> dict[str, set[str]]:
    """Return every interpolated variable, with the kinds of its references: "+", "-", or "" for a plain one."""
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
    """Return every secret that secrets.sh generates: a file of one value."""
    return set(FILE["secrets"]) - SETTINGS_FILES.keys() - {"redis.conf", "COMETS_COPIED"}


def make_secrets(folder: Path, **exported: str) -> dict[str, str]:
    """Run secrets.sh in a folder with exported variables; return the content of its files."""
    subprocess.run(
        ["/bin/sh", str(SECRETS_SCRIPT)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **exported},
        check=True,
        capture_output=True,
    )
    return {path.name: path.read_text(encoding="utf-8") for path in (folder / "secrets").iterdir()}
