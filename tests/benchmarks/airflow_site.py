"""The page inside Airflow's own API server, over a database of a benchmark."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import POSTGRES, TEST_FOLDER, postgres_connection
from tests.page.conftest import Site, log_in, make_metadata, serve

USER = "viewer"


@contextmanager
def airflow_site(database_url: str) -> Iterator[Site]:
    """A logged-in client of the page, which an API server in this process serves meanwhile.

    Airflow's own database is that of the tests: empty, on a server of its own. The environment is changed for good.
    """
    passwords = TEST_FOLDER / "passwords.json"
    passwords.write_text(json.dumps({USER: "password-of-the-tests"}), encoding="utf-8")
    os.environ.update(
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=f"{USER}:viewer",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
        AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(64),
        AIRFLOW__API__SECRET_KEY=secrets.token_hex(64),
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        AIRFLOW_CONN_COMETS_DB=postgres_connection(database_url),
    )
    with POSTGRES as server:
        make_metadata(server)
        from airflow.api_fastapi.app import cached_app

        with serve(cached_app(apps="core")) as url:
            yield Site(url, {USER: log_in(url, USER)})
