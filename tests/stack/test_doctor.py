"""Each line of `make doctor`, on faults that are made real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from include.sandbox.client import SandboxClient
from include.stack import doctor_machine
from include.stack.doctor import LOCAL, Case, Level
from include.stack.environment import COMETS_DATABASE, resolve
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT, SCHEMA_FILE, SQL_FOLDER
from tests.inbox import Inbox, running_inbox
from tests.steps.builders import Facts

ACCOUNT = "get_user_info"
KEY = "a-key-0123456789"
TODAY = datetime.now(UTC).date()


class Report(dict[str, tuple[str, str]]):
    """Level and text of the last line of each name, and the exit code."""

    code: int


def run_doctor(state: Path, *arguments: str, **variables: str) -> Report:
    """Run `make doctor` with a TikHub key."""
    result = subprocess.run(
        [sys.executable, "-m", "include.stack", "doctor", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "COMETS_STATE_DIR": str(state), "TIKHUB_API_KEY": KEY, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return read_report(result)


def read_report(result: subprocess.CompletedProcess[str]) -> Report:
    """Return the lines of a doctor's output."""
    assert not result.stderr, result.stderr
    lines = [re.fullmatch(r"(ok|warn|failed) +([A-Za-z ]+): (.+)", line) for line in result.stdout.splitlines()]
    assert lines
    assert all(lines), result.stdout
    assert KEY not in result.stdout
    report = Report({line[2]: (line[1], line[3]) for line in lines if line})
    report.code = result.returncode
    return report


@pytest.fixture
def variables(sandbox: SandboxClient, database_url: str) -> dict[str, str]:
    """An installation with a key and a database of its own."""
    return {"TIKHUB_BASE_URL": sandbox.url, "DATABASE_URL": database_url}


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The creators' database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def role(database: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """A login role without rights."""
    name = f"app{uuid4().hex[:8]}"
    database.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    yield name
    statement = sql.SQL("reassign owned by {0} to current_user; drop owned by {0}; drop role {0}")
    database.execute(statement.format(sql.Identifier(name)).as_string().encode())


def login_as(role: str, url: str) -> str:
    """Return a database's URL with another login."""
    return re.sub(r"//[^@]*@", f"//{role}@", url)


def run_dates(connection: psycopg.Connection[tuple[object, ...]], *days_ago: int) -> None:
    """Record dates as run."""
    for days in days_ago:
        connection.execute(
            "insert into comet_dates (recorded_date, is_run) values (%s, true)", [TODAY - timedelta(days=days)]
        )


def test_sound_installation_has_no_failed_line(
    variables: dict[str, str], database: psycopg.Connection[tuple[object, ...]], sandbox: SandboxClient, tmp_path: Path
) -> None:
    run_dates(database, 2, 1)
    report = run_doctor(tmp_path, **variables)
    assert report.code == 0
    assert {name for name, (level, _) in report.items() if level != "ok"} == {"role", "Airflow"}
    assert report["Airflow"] == ("warn", "not running (start with: make up)")
    assert "superuser" in report["role"][1]
    assert report["dates"] == ("ok", f"newest {TODAY - timedelta(days=1)}, none missed; 0 creators")
    assert "balance 5.10 USD" in report["TikHub"][1]
    assert {call["route"] for call in sandbox.calls()} == {ACCOUNT}


def test_rejected_key_and_unreachable_database_fail(
    variables: dict[str, str], sandbox: SandboxClient, tmp_path: Path
) -> None:
    sandbox.set_faults({"route": ACCOUNT, "fault": "status", "status": 403})
    database = f"postgresql://me:top-secret@127.0.0.1:{free_port()}/x"
    report = run_doctor(tmp_path, **variables | {"DATABASE_URL": database})
    assert report.code == 1
    assert {name for name, (level, _) in report.items() if level == "failed"} == {"TikHub", "database"}
    assert "TIKHUB_API_KEY" in report["TikHub"][1]
    assert "top-secret" not in str(report)


def test_invalid_setting_fails(tmp_path: Path) -> None:
    report = run_doctor(tmp_path, COMETS_UI_PORT="eighty")
    assert (report.code, report["settings"][0]) == (1, "failed")
    file = tmp_path / "comets.yaml"
    file.write_text("hashtags: []\n")
    report = run_doctor(tmp_path, COMETS_SETTINGS_FILE=str(file))
    assert (report.code, report["settings"][0]) == (1, "failed")
    assert str(file) in report["settings"][1]


@pytest.mark.parametrize(("call_count", "level"), [(700, "ok"), (730, "warn")])
def test_balance_below_a_week_of_the_present_calls_is_warned_about(
    call_count: int,
    level: str,
    variables: dict[str, str],
    database: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
) -> None:
    database.execute(
        "insert into comet_calls (run_id, run_attempt, route, reserved_at, started_at, is_billed) "
        "select 'r', 0, 'x', day, day, number <= %s from generate_series(1, 1000) as number, "
        "unnest(array[now(), now() - interval '2 days', now() - interval '40 days']) as day",
        [call_count],
    )
    report = run_doctor(tmp_path, **variables)
    assert (report.code, report["TikHub"][0]) == (0, level)
    assert f"lasts {int(5.1 / (call_count * 0.001))} days at {call_count} calls a day" in report["TikHub"][1]


def test_role_without_rights_fails_until_they_are_granted(
    variables: dict[str, str],
    database: psycopg.Connection[tuple[object, ...]],
    database_url: str,
    role: str,
    tmp_path: Path,
) -> None:
    given = variables | {"DATABASE_URL": login_as(role, database_url)}
    report = run_doctor(tmp_path, **given)
    assert (report.code, report["database"][0]) == (1, "failed")
    assert "grant_role.sql" in report["database"][1]
    text = (SQL_FOLDER / "grant_role.sql").read_text(encoding="utf-8")
    database.execute(text.replace("'comets_app'", f"'{role}'").encode())
    report = run_doctor(tmp_path, **given)
    assert (report.code, report["database"][0]) == (0, "ok")
    assert "role" not in report
    database.execute(sql.SQL("alter table creators owner to {}").format(sql.Identifier(role)))
    report = run_doctor(tmp_path, **given)
    assert report["role"][0] == "warn"
    assert "owner of the tables" in report["role"][1]


@pytest.mark.parametrize(
    ("statement", "remedy"),
    [
        ("update comet_schema set version = 8", "make setup-database"),
        ("update comet_schema set version = 99", "Update the code"),
        ("drop schema public cascade; create schema public", "make setup-database"),
    ],
)
def test_tables_of_another_version_fail(
    statement: str,
    remedy: str,
    variables: dict[str, str],
    database: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
) -> None:
    database.execute(statement.encode())
    report = run_doctor(tmp_path, **variables)
    assert (report.code, report["database"][0]) == (1, "failed")
    assert remedy in report["database"][1]


def test_read_only_database_fails(
    variables: dict[str, str], database: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    name = sql.Identifier(database.info.dbname)
    database.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    report = run_doctor(tmp_path, **variables)
    assert (report.code, report["database"][0]) == (1, "failed")
    assert "read-only" in report["database"][1]


def test_locked_table_is_reported_instead_of_waited_for(
    variables: dict[str, str], database: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    with database.transaction():
        database.execute("lock table comet_dates")
        report = run_doctor(tmp_path, **variables)
    assert (report.code, report["database"][0]) == (1, "failed")
    assert "End a stuck run" in report["database"][1]
    assert {"TikHub", "disk", "notifications"} <= report.keys()


@pytest.mark.parametrize(
    ("days_ago", "missed"),
    [((4, 3), (2, 1)), ((5, 4, 2, 1), (3, 3)), ((30, 20), (19, 1)), ((30, *range(9, 0, -1)), None)],
)
def test_missed_dates_are_named_with_the_backfill(
    days_ago: tuple[int, ...],
    missed: tuple[int, int] | None,
    variables: dict[str, str],
    database: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
) -> None:
    run_dates(database, *days_ago)
    report = run_doctor(tmp_path, **variables)
    assert report.code == 0
    if missed is None:
        assert report["dates"][0] == "ok"
        return
    first, last = (TODAY - timedelta(days=days) for days in missed)
    assert report["dates"][0] == "warn"
    assert report["dates"][1].endswith(f"Run: make backfill FROM={first} TO={last}")


def test_unfinished_hashtags_and_failed_checks_of_the_last_run_are_named(
    variables: dict[str, str], database: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    facts = Facts(database)
    for run_id, hashtags, day in (
        ("old", ["gymtok"], 2),
        ("new", ["done", "cut", "none"], 1),
        ("in progress", ["x"], 0),
    ):
        facts.accept(run_id=run_id, hashtags=hashtags, recorded_date=TODAY - timedelta(days=day))
    database.execute("update comet_runs set report = '{}' where run_id <> 'in progress'")
    facts.land_page(recorded_date=TODAY - timedelta(days=1), hashtag="done")
    facts.land_page(recorded_date=TODAY - timedelta(days=1), hashtag="cut", stop_reason=None)
    report = run_doctor(tmp_path, **variables)
    assert report.code == 0
    assert report["last run"][0] == "warn"
    assert "new has not finished #cut, #none." in report["last run"][1]
    database.execute(
        "insert into comet_quality_checks (run_id, check_name, is_failed, message) values "
        "('new', 'roll_call.answered', true, ''), ('new', 'roll_call.followers_halved', false, '')"
    )
    report = run_doctor(tmp_path, **variables)
    assert "new failed roll_call.answered, so" in report["last run"][1]


def test_wrong_clock_of_the_database_server_fails(
    variables: dict[str, str],
    database: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
) -> None:
    name = sql.Identifier(database.info.dbname)
    database.execute(
        "create schema late; create function late.clock_timestamp() returns timestamptz language sql as "
        "$$select pg_catalog.clock_timestamp() - interval '5 seconds'$$"
    )
    database.execute(sql.SQL("alter database {} set search_path = late, pg_catalog, public").format(name))
    report = run_doctor(tmp_path, **variables)
    assert report["clocks"][0] == "ok", "that of TikHub is printed last"
    levels = []
    for seconds in ("5 seconds", "2 minutes"):
        database.execute(
            "create or replace function late.clock_timestamp() returns timestamptz language sql as "
            f"$$select pg_catalog.clock_timestamp() - interval '{seconds}'$$".encode()
        )
        report = run_doctor(tmp_path, **variables | {"TIKHUB_BASE_URL": f"http://127.0.0.1:{free_port()}"})
        levels.append(report["clocks"])
    assert [level for level, _ in levels] == ["warn", "failed"]
    assert levels[1][1].startswith("the database server is 0:02:00 behind this machine.")


def test_wrong_clock_of_tikhub_fails(variables: dict[str, str], tmp_path: Path) -> None:
    class Answer(BaseHTTPRequestHandler):
        """TikHub's account an hour ahead."""

        def do_GET(self) -> None:
            body = b'{"user_data": {"balance": 1, "free_credit": 0}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        report = run_doctor(tmp_path, **variables | {"TIKHUB_BASE_URL": url})
        server.shutdown()
    assert (report.code, report["clocks"][0]) == (1, "failed")
    assert re.match(r"TikHub is (1:00:0[01]|0:59:59) ahead of this machine\.", report["clocks"][1])


def test_slot_of_a_clock_that_was_wrong_is_warned_about(
    variables: dict[str, str], database: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    database.execute("insert into comet_rate_limits (route, slot_at) values ('search', now() + interval '5 minutes')")
    assert run_doctor(tmp_path, **variables)["clocks"][0] == "ok"
    database.execute("update comet_rate_limits set slot_at = now() + interval '1 day'")
    report = run_doctor(tmp_path, **variables)
    assert (report.code, report["clocks"][0]) == (0, "warn")
    assert re.search(r"in (1 day, 0:00:00|23:59:\d\d), so", report["clocks"][1])


def test_backup_of_real_creators_in_the_embedded_database_is_due_after_two_days(
    sandbox: SandboxClient, tmp_path: Path
) -> None:
    def backup_line() -> tuple[str, str]:
        return run_doctor(tmp_path, TIKHUB_BASE_URL=sandbox.url)["backup"]

    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        server.create_database(COMETS_DATABASE)
        with psycopg.connect(server.url(COMETS_DATABASE), autocommit=True) as connection:
            connection.execute(SCHEMA_FILE.read_bytes())
            assert backup_line()[0] == "ok"
            connection.execute("insert into creators (user_id, handle) values ('71', 'ada')")
        level, text = backup_line()
        assert (level, text.endswith("Run: make backup")) == ("warn", True)
        file = tmp_path / "backups" / "comets-20260301-020000.dump"
        file.parent.mkdir()
        file.touch()
        assert backup_line() == ("ok", f"{file.name}, less than a day old")
        old = datetime.now(UTC) - timedelta(days=3)
        os.utime(file, (old.timestamp(), old.timestamp()))
        assert backup_line() == ("warn", f"{file.name}, 3 days old. Run: make backup")


@pytest.mark.parametrize(
    ("constant", "level"), [("FAILED_FREE_BYTES", Level.FAILED), ("WARN_FREE_BYTES", Level.WARN), ("", Level.OK)]
)
def test_disk_with_little_free_space_is_reported(
    constant: str, level: Level, state: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAILED_FREE_BYTES", "WARN_FREE_BYTES"):
        is_raised = name == constant or constant == "FAILED_FREE_BYTES"
        monkeypatch.setattr(doctor_machine, name, 10**18 if is_raised else 0)
    (line,) = doctor_machine.check_disk(Case(resolve(state, tmp_path), LOCAL))
    assert line.level is level
    assert ("runbook" in line.text) == (level is not Level.OK)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A notification service."""
    with running_inbox() as inbox:
        yield inbox


def test_notice_sends_a_test_message(variables: dict[str, str], inbox: Inbox, tmp_path: Path) -> None:
    assert "make doctor NOTICE=1" in run_doctor(tmp_path, **variables, COMETS_NOTICES_URL=inbox.url)["notifications"][1]
    assert inbox.take() == []
    report = run_doctor(tmp_path, "--notice", **variables, COMETS_NOTICES_URL=inbox.url)
    assert report["notifications"] == ("ok", "test message sent")
    assert len(inbox.take()) == 1
    inbox.status = 500
    report = run_doctor(tmp_path, "--notice", **variables, COMETS_NOTICES_URL=inbox.url)
    assert (report.code, report["notifications"][0]) == (1, "failed")
    report = run_doctor(tmp_path, "--notice", **variables)
    assert (report.code, report["notifications"][0]) == (1, "failed")
