"""Traces of an erased creator: what still names it, in the tables and in log files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from comets.database.client import Database


def pattern_of(names: Iterable[str]) -> str:
    """Return a regular expression that finds these names as whole words, in Python and in PostgreSQL."""
    alternatives = "|".join(sorted(re.escape(name) for name in names))
    return rf"(?<![0-9A-Za-z_.-])({alternatives})(?![0-9A-Za-z_-]|\.[0-9A-Za-z_])"


def find_in_tables(database: Database, pattern: str) -> Counter[str]:
    """Return the number of rows that match, by table of the creators' database."""
    rows = database.fetch_all("privacy/find_traces", pattern=pattern)
    return Counter({row["table_name"]: row["row_count"] for row in rows})


def find_in_files(folder: Path, pattern: str) -> list[Path]:
    """Return the log files below a folder with a line that matches, sorted."""
    wanted = re.compile(pattern, re.IGNORECASE)
    return sorted(path for path in folder.rglob("*.log*") if path.is_file() and _matches(path, wanted))


def _matches(path: Path, wanted: re.Pattern[str]) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return any(wanted.search(line) for line in lines)
    except FileNotFoundError:
        # Deleted meanwhile.
        return False
