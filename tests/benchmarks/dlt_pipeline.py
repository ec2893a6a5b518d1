"""What the dlt jobs share: a pipeline into a schema of its own, which leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

SETTINGS = {
    # It would tell its makers of every run.
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # Calls over the limit are refused and asked again after `Retry-After`; with 5 tries, some would never get through.
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "50",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}


@contextmanager
def dlt_pipeline(database_url: str, schema: str, **settings: str) -> Iterator["dlt.Pipeline"]:
    """A pipeline into an empty schema, which is dropped afterwards.

    :param settings: further settings of dlt, named as its environment variables
    """
    with tempfile.TemporaryDirectory(prefix="comets-dlt-") as folder:
        variables = {**SETTINGS, **settings, "DLT_DATA_DIR": folder}
        with patch.dict(os.environ, variables):
            # Reads its environment when it is imported.
            import dlt

            drop_schema(database_url, schema)
            try:
                yield dlt.pipeline(
                    pipeline_name=schema,
                    pipelines_dir=str(Path(folder) / "pipelines"),
                    destination=dlt.destinations.postgres(credentials(database_url)),
                    dataset_name=schema,
                )
            finally:
                drop_schema(database_url, schema)


def credentials(database_url: str) -> dict[str, object]:
    """The parts of a database's URL as dlt names them."""
    parts = conninfo_to_dict(database_url)
    host = str(parts.get("host") or "localhost")
    return {
        # A socket's folder is no host in the URL that dlt makes of this; what follows after `?` wins.
        "host": "localhost" if host.startswith("/") else host,
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
