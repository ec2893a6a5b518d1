"""Search for secrets in all output of a run."""

from __future__ import annotations

import json
import pickle
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

CACHE_LINK = "cache.sandbox.example"
"""The host of every `cache_url` that the sandbox sends."""


def spellings(secret: str) -> set[str]:
    """Return the spellings of a secret: plain, in URLs, and in base64 at each of the three alignments."""
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for shift in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            coded = encode(bytes(shift) + secret.encode()).decode().rstrip("=")
            # The first and last characters also encode neighbouring bytes.
            found.add(coded[-(-shift * 4 // 3) : -1])
    return {spelling.casefold() for spelling in found}


def findings(places: Mapping[str, Iterable[str]], secrets: Mapping[str, str]) -> list[str]:
    """Return every secret found and its place, as "name in place".

    :param secrets: by a name that may be shown
    """
    wanted = {name: spellings(secret) for name, secret in secrets.items()}
    return sorted(
        {
            f"{name} in {place}"
            for place, texts in places.items()
            for text in texts
            for name, forms in wanted.items()
            if any(form in text.casefold() for form in forms)
        }
    )


def database_texts(url: str) -> dict[str, list[str]]:
    """Return every text value of every table of a database, by table and column."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        found: dict[str, list[str]] = {}
        for table in tables:
            cursor = connection.execute(sql.SQL("select * from {}").format(sql.Identifier(*table)))
            names = [column.name for column in cursor.description or ()]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, str | bytes | dict | list):
                        found.setdefault(f"{'.'.join(table)}.{name}", []).append(_text(value))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else json.dumps(value, default=str)


def exception_texts(error: BaseException) -> Iterator[str]:
    """Yield all texts of an exception and its chain: message, attributes, notes, traceback and pickle."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield f"{current} {current!r} {current.args!r} {current.__dict__!r} {getattr(current, '__notes__', [])!r}"
        yield "".join(traceback.format_exception(current))
        with suppress(pickle.PicklingError, TypeError, AttributeError):
            yield pickle.dumps(current).decode("latin-1")
        waiting += [current.__cause__, current.__context__]
