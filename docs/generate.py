"""Writes the pages of docs/reference from the code: `python -m docs.generate` (`make docs`).

Sources: the pydantic models of settings and params, comments of the SQL schema, error classes, Makefile, .env.example.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT, SCHEMA_FILE

# Airflow puts plugins/ on the path by itself.
sys.path.append(str(PROJECT / "plugins"))

from comets import errors
from comets.params import SECTIONS, RunParams
from comets.settings import DEFAULT_SETTINGS_FILE, Settings, load_settings
from comets.values import MAX_COUNT
from docs.error_table import write_error_tables

REFERENCE = PROJECT / "docs" / "reference"
DATABASE = "comets"

# Each table and view of the schema belongs to one of these.
RELATIONS = {
    "What people read": (
        "creators",
        "creator_stats",
        "comet_scores",
        "comet_snapshots",
        "comet_counts",
        "comet_failures",
        "comet_creator_metrics",
        "comet_score_parts",
        "comet_video_metrics",
    ),
    "Facts": (
        "comet_discoveries",
        "comet_dates",
        "comet_searches",
        "comet_pages",
        "comet_videos",
        "comet_profiles",
        "comet_rejected_items",
        "comet_handles",
    ),
    "Runs and calls": (
        "comet_runs",
        "comet_hashtag_results",
        "comet_run_discoveries",
        "comet_roll_call",
        "comet_quality_checks",
        "comet_calls",
        "comet_skipped_calls",
        "comet_rate_limits",
        "comet_notifications",
    ),
    "Erased creators, locks, version": ("comet_erased_ids", "comet_locks", "comet_schema"),
    "Views that the steps share": (
        "comet_landed_readings",
        "comet_readings",
        "comet_run_videos",
        "comet_run_profiles",
        "comet_run_answers",
        "comet_run_readings",
        "comet_key_migrations",
        "comet_video_readings",
        "comet_creator_samples",
    ),
}

READ_RELATIONS = """
select relname as name, coalesce(obj_description(oid, 'pg_class'), '') as description
from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
"""
READ_COLUMNS = """
select
    attribute.attname as name,
    format_type(attribute.atttypid, attribute.atttypmod) as type_name,
    coalesce(col_description(attribute.attrelid, attribute.attnum), '') as comment
from pg_attribute as attribute
where attribute.attrelid = %s::regclass and attribute.attnum > 0 and not attribute.attisdropped
order by attribute.attnum
"""


def main() -> None:
    """Write all pages, and the tables of errors in the pages of the Dags."""
    with TemporaryDirectory(prefix="comets-docs-") as folder, EmbeddedPostgres(Path(folder), durable=False) as server:
        server.create_database(DATABASE)
        with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
            connection.execute(SCHEMA_FILE.read_bytes())
            pages = reference_pages(connection)
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    write_error_tables()


def reference_pages(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the text of each page by its file name.

    :param connection: to a database in which the schema file was run
    """
    pages = {
        "settings.md": settings_page(),
        "params.md": params_page(),
        "tables.md": tables_page(connection),
        "metrics.md": metrics_page(connection),
        "errors.md": errors_page(),
        "commands.md": commands_page(),
        "environment.md": environment_page(),
    }
    note = "<!-- Written by `make docs` from the code; changes here get lost. -->"
    return {name: f"{note}\n\n{text.rstrip()}\n" for name, text in pages.items()}


def settings_page() -> str:
    """Each section of include/comets.yaml with its fields."""
    intro = "The fields of `include/comets.yaml`, or of the file that `COMETS_SETTINGS_FILE` names."
    texts = yaml_comments(DEFAULT_SETTINGS_FILE.read_text(encoding="utf-8"))
    return "\n\n".join(["# Settings", intro, *settings_sections("", Settings, texts)])


def settings_sections(path: str, model: type[BaseModel], texts: Mapping[str, str]) -> Iterator[str]:
    """Yield the heading, text and table of a section, then those of the sections in it."""
    rows, sections = [], []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            sections.append((f"{path}{name}.", field.annotation))
            continue
        text = field.description or texts.get(f"{path}{name}", "")
        rows.append((code(name), allowed(model, name), default(field.default), prose(text)))
    if path:
        yield f"## `{path.removesuffix('.')}`"
        yield prose(inspect.getdoc(model) or "")
    if rows:
        yield table(("Setting", "Allowed", "Default", "Meaning"), rows)
    for inner_path, section in sections:
        yield from settings_sections(inner_path, section, texts)


def params_page() -> str:
    """Each param of the Dag comet_discovery, by the sections of its trigger form."""
    defaults = run_defaults(load_settings(DEFAULT_SETTINGS_FILE))
    intro = "Fields of the trigger form of the Dag `comet_discovery`, and keys of `--conf` and of the REST API."
    parts = ["# Params of a run", intro]
    for section in SECTIONS:
        rows = [
            (code(name), field["title"], allowed(RunParams, name), default(defaults[name]), prose(field["description"]))
            for name, field in RunParams.model_json_schema()["properties"].items()
            if field["section"] == section
        ]
        parts += [f"## {section}", table(("Param", "In the form", "Allowed", "Default", "Meaning"), rows)]
    return "\n\n".join(parts)


def tables_page(connection: psycopg.Connection[Any]) -> str:
    """Each table and view with its description and columns."""
    descriptions = dict(connection.execute(READ_RELATIONS).fetchall())
    listed = [name for names in RELATIONS.values() for name in names]
    if descriptions.keys() != set(listed):
        difference = sorted(descriptions.keys() ^ set(listed))
        raise ValueError(f"RELATIONS of docs/generate.py differ from the schema: {difference}")
    parts = ["# Tables and views", "All of them are created by `include/sql/setup_database.sql`."]
    for title, names in RELATIONS.items():
        parts.append(f"## {title}")
        for name in names:
            parts += [f"### {name}", prose(descriptions[name])]
            parts.append(table(("Column", "Type", "Meaning"), columns(connection, name)))
    return "\n\n".join(part for part in parts if part)


def metrics_page(connection: psycopg.Connection[Any]) -> str:
    """The commented columns of comet_creator_metrics."""
    intro = "Columns of the view `comet_creator_metrics`. What they mean: [Metrics and score](../explanation/score.md)."
    rows = [row for row in columns(connection, "comet_creator_metrics") if row[2]]
    return "\n\n".join(["# Metrics", intro, table(("Metric", "Type", "Definition"), rows)])


def errors_page() -> str:
    """Each error class with its meaning and what to do."""
    intro = "Error classes as task logs name them. Where to look: [When a run fails](../howto/failures.md)."
    parts = ["# Errors", intro]
    for name, error in vars(errors).items():
        if not (isinstance(error, type) and issubclass(error, errors.CometsError) and error.remedy):
            continue
        meaning = (inspect.getdoc(error) or "").split("\n\n:param", 1)[0]
        parts += [f"## {name}", prose(meaning), f"**What to do:** {prose(error.remedy)}"]
    return "\n\n".join(parts)


def commands_page() -> str:
    """Each target of the Makefile with its text."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    rows = [(code(f"make {name}"), prose(text)) for name, text in re.findall(r"^([a-z-]+):.*## (.+)$", makefile, re.M)]
    return f"# Commands\n\n{table(('Command', 'What it does'), rows)}"


def environment_page() -> str:
    """Each variable of .env.example under its heading, with the comment above it."""
    # The first paragraph is about the file.
    intro = "Set them in `.env` (`install -m 600 .env.example .env`) or export them; an exported variable wins."
    parts = ["# Environment variables", intro]
    for block in (PROJECT / ".env.example").read_text(encoding="utf-8").split("\n\n")[1:]:
        lines = [line.removeprefix("#").strip() for line in block.strip().splitlines()]
        variables = [line for line in lines if re.match(r"[A-Z_]+=", line)]
        if not variables:
            parts.append(f"## {lines.pop(0)}")
        parts.append(prose(" ".join(line for line in lines if line not in variables)))
        if variables:
            parts.append("\n".join(["```ini", *variables, "```"]))
    return "\n\n".join(part for part in parts if part)


def columns(connection: psycopg.Connection[Any], relation: str) -> list[Sequence[str]]:
    """Return name, type and comment of each column as cells."""
    return [
        (code(name), type_name, prose(comment))
        for name, type_name, comment in connection.execute(READ_COLUMNS, [relation])
    ]


def yaml_comments(text: str) -> dict[str, str]:
    """Return the comment above each key of a YAML file of mappings, by the key's dotted path."""
    found: dict[str, str] = {}
    keys: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.removeprefix("#").strip())
            continue
        if key := re.match(r"( *)(\w+):", line):
            keys = [*keys[: len(key[1]) // 2], key[2]]
            found[".".join(keys)] = " ".join(comment)
        comment = []
    return found


def allowed(model: type[BaseModel], name: str) -> str:
    """Say which values a field takes, from its JSON schema."""
    schema = model.model_json_schema()["properties"][name]
    return " or ".join(filter(None, map(allowed_values, schema.get("anyOf", [schema]))))


def allowed_values(schema: Mapping[str, Any]) -> str:
    """Say in words what a JSON schema without references allows."""
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    kind = {
        "array": "list",
        "boolean": "yes or no",
        "integer": "whole number",
        "null": "empty",
        "number": "number",
        "string": "text",
    }
    bounds = (
        ("minimum", "at least {}"),
        ("exclusiveMinimum", "above {}"),
        ("maximum", "at most {}"),
        ("minItems", "at least {} entry"),
        ("maxItems", "at most {} entries"),
        ("pattern", "`{}`"),
    )
    texts = [form.format(number(schema[bound])) for bound, form in bounds if schema.get(bound, MAX_COUNT) != MAX_COUNT]
    return ", ".join([kind[schema["type"]], *texts])


def run_defaults(settings: Settings) -> dict[str, Any]:
    """Return the default of each param of a run, by its name in the settings."""
    found: dict[str, Any] = {"hashtags": settings.hashtags, "refresh": False}
    for section in (settings.criteria, settings.search, settings.budget):
        found.update(section.model_dump())
    return found


def default(value: Any) -> str:
    """Write a default value; a required field has none."""
    if value is PydanticUndefined:
        return ""
    if isinstance(value, list):
        return ", ".join(map(code, value))
    return code(str(value).lower() if isinstance(value, bool) else value)


def number(value: Any) -> str:
    """Write a number with its thousands separated."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def prose(text: str) -> str:
    """Return a comment on one line as markdown: names with an underscore are code, nothing else is markup."""
    plain = " ".join(text.split()).replace("``", "`")
    parts = re.split(r"(`[^`]+`)", plain)
    return "".join(part if part.startswith("`") else _marked(part) for part in parts)


def _marked(text: str) -> str:
    escaped = re.sub(r"([*<|])", r"\\\1", text)
    return re.sub(r"(?<![\w/.])[a-z]\w*(?:_\w+)+(?![\w/.]\w)", r"`\g<0>`", escaped)


def code(text: Any) -> str:
    """Write a name as code."""
    return f"`{text}`"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a markdown table without the columns that are empty."""
    shown = [index for index in range(len(headings)) if any(row[index] for row in rows)]
    lines = [
        [headings[index] for index in shown],
        ["---"] * len(shown),
        *([row[index] for index in shown] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
