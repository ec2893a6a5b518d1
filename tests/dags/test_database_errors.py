"""Database failures raise a typed error with a remedy and without a password."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction

from comets.calls.retry_policy import CallRetryPolicy
from comets.database.client import connect
from comets.errors import DatabaseError, DatabaseRefusedError, DatabaseStorageError, DatabaseUnavailableError
from comets.settings import settings
from include.sandbox.client import SandboxClient
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import PROJECT_FOLDER, tikhub_connection_to
from tests.dags.fault_runs import recorded_output
from tests.dags.worlds import RunDag
from tests.disks import small_disk
from tests.secret_scan import exception_texts, findings
from tests.steps.builders import DAY, Facts, noon

SECRET = "Pl4nted-pässword"
RIGHT = "the right one"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server with passwords and without TLS."""
    folder = tmp_path_factory.mktemp("refusing")
    with EmbeddedPostgres(folder, durable=False, listen_port=free_port()) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"create role me login password '{RIGHT}'".encode())
        yield server


@pytest.fixture(scope="module")
def parsed_step() -> Any:
    """A parsed SQL step of the Dag."""
    return DagBag(str(PROJECT_FOLDER / "dags")).dags["comet_discovery"].get_task("filter_comets")


def run_sql_step(step: Any, context: Any) -> None:
    """Run a step as Airflow's task runner does."""
    step._pre_execute_hook(context)
    step.execute(context)


def fields(server: EmbeddedPostgres, **changes: Any) -> str:
    """Return a connection of a known user in JSON form."""
    known = {"conn_type": "postgres", "host": "127.0.0.1", "port": server.port, "schema": "postgres", "login": "me"}
    return json.dumps({**known, "password": SECRET, **changes})


FAILURES: dict[str, tuple[dict[str, Any], type[DatabaseError], str]] = {
    "wrong password": ({}, DatabaseRefusedError, "refuses the login.*Correct the login and password"),
    "unknown database": (
        {"password": RIGHT, "schema": "nowhere"},
        DatabaseRefusedError,
        'database "nowhere" at 127.0.0.1.* refuses the database',
    ),
    "tls not offered": ({"extra": {"sslmode": "require"}}, DatabaseRefusedError, "sslmode"),
    "unknown sslmode": ({"extra": {"sslmode": "bogus"}}, DatabaseRefusedError, "sslmode"),
    "closed port": ({"port": 1}, DatabaseUnavailableError, "No connection to .*127.0.0.1:1 .*Connection refused"),
    "url as host": (
        {"host": f"postgresql://me:{SECRET}@db/x"},
        DatabaseError,
        "malformed: its host is not a host name",
    ),
    "url as database": ({"schema": f"postgresql://me:{SECRET}@db/x"}, DatabaseError, "malformed: its schema"),
    "url as user": ({"login": f"postgresql://me:{SECRET}"}, DatabaseError, "malformed: its login"),
    "port out of range": ({"port": 99_999}, DatabaseError, "malformed: its port"),
    "port is a word": ({"port": SECRET}, DatabaseError, "malformed: Airflow cannot read AIRFLOW_CONN_COMETS_DB"),
    "extra is a text": ({"extra": SECRET}, DatabaseError, "malformed: its extra is not valid JSON"),
    "extra is a list": ({"extra": json.dumps([SECRET])}, DatabaseError, "malformed: its extra is not a JSON object"),
    "unknown option": ({"extra": {"pgbouncer": SECRET}}, DatabaseError, "malformed: .*'pgbouncer'"),
    "another type": ({"conn_type": "http"}, DatabaseError, "malformed: its type"),
}
URIS = {
    "uri with a raw #": f"postgresql://me:1#{SECRET}@db/x",
    "no uri at all": f"me {SECRET}",
}


def error_texts(error: BaseException) -> str:
    """Return all texts of an error."""
    return "\n".join(exception_texts(error))


@pytest.mark.parametrize(("changes", "kind", "words"), FAILURES.values(), ids=FAILURES)
def test_python_task_names_the_cause(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], kind: type, words: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", fields(server, **changes))
    with pytest.raises(DatabaseError, match=words) as caught, connect():
        pass
    assert type(caught.value) is kind
    assert "`comets_db`" in str(caught.value)
    assert SECRET not in error_texts(caught.value)
    assert RIGHT not in error_texts(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None
    decision = CallRetryPolicy(settings().retries).evaluate(caught.value, 1, 20)
    assert decision.action is (RetryAction.RETRY if kind is DatabaseUnavailableError else RetryAction.FAIL)


@pytest.mark.parametrize("name", ["wrong password", "closed port", "url as host", "unknown option"])
def test_sql_step_names_the_cause(
    server: EmbeddedPostgres,
    parsed_step: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    changes, kind, words = FAILURES[name]
    step = copy(parsed_step)
    # The step caches its hook.
    step.hook_params = dict(parsed_step.hook_params)
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", fields(server, **changes))
    context: Any = {"run_id": "run 1", "task": step, "ti": SimpleNamespace(start_date=noon(DAY))}
    step.render_template_fields(context)
    written = io.StringIO()
    with pytest.raises((DatabaseError, psycopg.Error)) as caught, contextlib.redirect_stdout(written):
        run_sql_step(step, context)
    assert SECRET not in error_texts(caught.value) + written.getvalue()
    decision = CallRetryPolicy(settings().retries).evaluate(caught.value, 1, 20, context)
    assert decision.action is (RetryAction.RETRY if kind is DatabaseUnavailableError else RetryAction.FAIL)
    with pytest.raises(kind, match=words):
        raise kind(str(decision.reason))
    assert SECRET not in str(decision.reason)


STORAGE_FAILURES = {
    "53100": ("could not extend file", r"The disk of .* is full\. .*Free space on the server's disk.*comet_videos"),
    "53400": ("temporary file size exceeds temp_file_limit", "reached a limit of .*Raise that limit"),
    "58030": ("could not read block 7", "can't use its disk.*Check the server's log"),
    "XX000": ("could not write: Disk quota exceeded", r"The disk of .* is full\."),
}


@pytest.mark.parametrize(("code", "message", "words"), [(code, *rest) for code, rest in STORAGE_FAILURES.items()])
def test_storage_failure_is_not_retried_and_says_what_to_free(
    comets_connection: str, parsed_step: Any, code: str, message: str, words: str
) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        connection.execute(
            f"""
            create function fail() returns trigger language plpgsql as
            $$ begin raise exception '{message}' using errcode = '{code}'; end $$;
            create trigger fail before insert on comet_rate_limits execute function fail();
            """.encode()
        )
        with connect() as database, pytest.raises(DatabaseStorageError, match=words) as caught:
            database.fetch_one("calls/reserve_slot", route="/r", min_interval="1 second")
        with pytest.raises(psycopg.Error) as raised:
            connection.execute("insert into comet_rate_limits values ('/r', now())")
    context = {"task": parsed_step, "task_state_store": {}}
    for error in (caught.value, raised.value):
        decision = CallRetryPolicy(settings().retries).evaluate(error, 1, 20, context)
        assert decision.action is RetryAction.FAIL
        assert message in str(decision.reason)
        assert "not retried" in str(decision.reason)


@pytest.fixture
def tablespace(comets_connection: str, tmp_path: Path) -> Iterator[Path]:
    """A folder on a small disk that belongs to the server's user."""
    with psycopg.connect(comets_connection) as connection:
        ((data,),) = connection.execute("show data_directory").fetchall()
    with small_disk(Path(data).with_name(tmp_path.name), "8m") as folder:
        shutil.chown(folder, Path(data).owner(), Path(data).group())
        yield folder


def test_full_disk_of_a_real_server_is_named(comets_connection: str, tablespace: Path) -> None:
    unknown = ("sec_uid", "handle", "nickname", "avatar_url", "follower_count", "heart_count", "video_count")
    profile = {**dict.fromkeys(unknown), "asked_id": "71", "user_id": "71", "observed_at": noon(DAY)}
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        profile["run_id"] = Facts(connection).accept()
        connection.execute(f"create tablespace small location '{tablespace}'".encode())
        connection.execute("alter table comet_profiles set tablespace small")
        try:
            with connect() as database, pytest.raises(DatabaseStorageError, match="No space left on device"):
                database.execute("profiles/land_profile", **profile, signature=token_hex(8_000_000))
        finally:
            connection.execute("alter table comet_profiles set tablespace pg_default")
            connection.execute("drop tablespace small")


@pytest.mark.parametrize("uri", URIS.values(), ids=URIS)
def test_malformed_uri_is_not_echoed(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", uri)
    with pytest.raises(DatabaseError, match=r"malformed.*JSON form") as caught, connect():
        pass
    assert SECRET not in error_texts(caught.value)


def test_missing_connection_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_COMETS_DB", raising=False)
    with pytest.raises(DatabaseError, match=r"`comets_db` is not defined\. Set AIRFLOW_CONN_COMETS_DB"), connect():
        pass


def test_run_fails_before_any_call_and_leaks_no_secret(
    server: EmbeddedPostgres,
    dag_runner: RunDag,
    sandbox: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    secrets = {"password": SECRET, "API key": "sk-Refused+Key/0123456789"}
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(sandbox, secrets["API key"]))
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", fields(server))
    with recorded_output() as written:
        outcome = dag_runner("2026-03-01T02:00:00+00:00")
        written.keep_metadata()
    assert outcome.tasks["accept_run"] == outcome.state == "failed"
    assert sandbox.calls() == []
    printed = list(capfd.readouterr())
    exceptions = [error_texts(error) for error in written.exceptions]
    assert "DatabaseRefusedError" in "".join([*printed, *written.logs])
    assert exceptions
    found = {"printed": printed, "logged": written.logs, "exceptions": exceptions, **written.metadata}
    assert findings(found, secrets) == []
