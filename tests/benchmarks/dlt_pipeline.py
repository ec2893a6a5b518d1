"""What the dlt jobs share: a pipeline into a schema of its own, which leaves nothing behind.

dlt is imported when it is needed: only `make bench` installs it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

SETTINGS = {
    # It would tell its makers of every run.
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # Where Airflow is installed, dlt would import it and ask its database for secrets, which takes seconds.
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # dlt keeps no pace: a call over the limit is refused and tried again. After 5 tries, as is its default, all fails.
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "50",
}


def load_dlt() -> Any:
    """Import dlt, which reads its settings then; later calls cost nothing."""
    os.environ.update(SETTINGS)
    import dlt
    import dlt.sources.rest_api

    return dlt


@contextmanager
def dlt_pipeline(database_url: str, schema: str) -> Iterator[Any]:
    """A pipeline into an empty schema, which is dropped afterwards."""
    dlt = load_dlt()
    with tempfile.TemporaryDirectory(prefix="comets-dlt-") as folder:
        drop_schema(database_url, schema)
        try:
            yield dlt.pipeline(
                pipeline_name=schema,
                pipelines_dir=folder,
                destination=dlt.destinations.postgres(credentials(database_url, Path(folder))),
                dataset_name=schema,
            )
        finally:
            drop_schema(database_url, schema)


def credentials(database_url: str, folder: Path) -> dict[str, object]:
    """The parts of a database's URL as dlt names them.

    :param folder: a temporary one
    """
    parts = conninfo_to_dict(database_url)
    host = str(parts.get("host") or "localhost")
    is_socket = host.startswith("/")
    if is_socket:
        # dlt writes a space as `+`, which PostgreSQL's library does not read as one.
        link = folder / "socket"
        link.symlink_to(host)
        host = str(link)
    return {
        # A socket's folder is no host in the URL that dlt makes of this; what follows after `?` wins.
        "host": "localhost" if is_socket else host,
        "query": {"host": host},
        "port": int(parts.get("port") or 5432),
        "username": parts.get("user") or "postgres",
        # dlt wants one where the server does not.
        "password": parts.get("password") or "none",
        "database": parts["dbname"],
    }


def drop_schema(database_url: str, schema: str) -> None:
    """Remove the schema and the one in which dlt prepares its merges."""
    with psycopg.connect(database_url) as connection:
        for name in (schema, f"{schema}_staging"):
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))
