"""The service `backup`: what it saves with its own secrets, when, and how `airflow-init` restores it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from include.docker.__main__ import SECRETS_FOLDER
from include.docker.backups import check, next_backup_at
from include.docker.init import BACKUPS_VARIABLE
from include.stack.archive import backups_of
from include.stack.environment import METADATA_VARIABLE
from tests.docker.compose import PROJECT_FOLDER, SERVICES, secrets_of
from tests.docker.test_init import Server, new_server

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on which init has run, with a creator."""
    for server in new_server(tmp_path, runs_init=True):
        server.query("comets", "insert into creators (user_id, handle) values ('71', 'ada') returning user_id")
        yield server


NIGHT = "import time; from include.docker import backups; time.sleep = lambda _: exit(); backups.main([])"
"""The service until its first wait."""


def backups(server: Server, service: str, *arguments: str, program: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program of backups, or another, with the secrets of a service only."""
    own = server.folder / f"secrets of {service}"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    for name in secrets_of(service):
        shutil.copy(server.folder / "secrets" / name, own)
    declared = SERVICES["backup"]["command"]
    *wrapper, _, _ = [sys.executable if part == "python" else part for part in declared]
    command = [*wrapper, *(("-c", program) if program else declared[-2:])]
    return server.run(
        *command, *arguments, **{SECRETS_FOLDER: str(own), BACKUPS_VARIABLE: str(server.folder / "backups")}
    )


def test_backup_of_the_service_is_restored_by_init(server: Server) -> None:
    saved = backups(server, "backup", "now")
    assert saved.returncode == 0, saved.stderr
    (path,) = backups_of(server.folder / "backups")
    assert saved.stdout == f"Saved 1 creators and Airflow's database to {path}.\n"
    assert backups(server, "backup", "check").returncode == 0

    server.query("comets", "update creators set handle = 'later' returning handle")
    server.query("airflow", "delete from slot_pool where pool = 'tikhub' returning pool")
    refused = backups(server, "airflow-init", "restore", path.name)
    assert (refused.returncode, "1 real creators would be lost" in refused.stderr) == (1, True)
    restored = backups(server, "airflow-init", "restore", path.name, "--force")
    assert restored.returncode == 0, restored.stderr
    server.run_init()
    assert server.query("comets", "select handle from creators", role="comets_app") == [("ada",)]
    assert server.query("comets", "select handle from creators", role="comets_page") == [("ada",)]
    assert server.query("airflow", "select count(*) from slot_pool where pool = 'tikhub'", role="airflow_metadata") == [
        (1,)
    ]


@pytest.mark.parametrize("night", [("clean", ""), ("", NIGHT)], ids=["at once", "after the backup"])
def test_service_cleans_airflows_database(server: Server, night: tuple[str, str]) -> None:
    for days in (91, 89):
        query = "insert into log (dttm, event) values (now() - %s * interval '1 day', 'trigger') returning id"
        server.query("airflow", query % days)
    command, program = night
    cleaned = backups(server, "backup", *filter(None, [command]), program=program)
    assert cleaned.returncode == 0, cleaned.stderr
    assert len(backups_of(server.folder / "backups")) == bool(program)
    found = server.query("airflow", "select now() - dttm > interval '90 days' from log where event = 'trigger'")
    assert found == [(False,)]


def test_init_saves_creators_before_an_upgrade(server: Server) -> None:
    folder = server.folder / "backups"
    server.query("comets", "update comet_schema set version = 9 returning version")
    output = server.run_init(**{BACKUPS_VARIABLE: str(folder)})
    (path,) = backups_of(folder)
    assert f"Before the upgrade of the tables: saved 1 creators and Airflow's database to {path}." in output
    server.run_init(**{BACKUPS_VARIABLE: str(folder)})
    assert backups_of(folder) == [path]


def test_cron_job_has_what_the_program_needs() -> None:
    claim, job = yaml.safe_load_all((PROJECT_FOLDER / "include" / "helm" / "backup.yaml").read_text(encoding="utf-8"))
    template = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = template["containers"]
    values = yaml.safe_load((PROJECT_FOLDER / "include" / "helm" / "values.yaml").read_text(encoding="utf-8"))
    image = values["images"]["airflow"]
    assert container["image"] == f"{image['repository']}:{image['tag']}"
    assert container["args"] == [*SERVICES["backup"]["command"], "now"]
    sources = {entry["name"]: entry.get("valueFrom", {}).get("secretKeyRef") for entry in container["env"]}
    migration = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in values["migrateDatabaseJob"]["env"]}
    assert sources["DATABASE_URL"] == migration["DATABASE_URL"]
    assert sources[METADATA_VARIABLE]["name"] == values["data"]["metadataSecretName"]
    folder = next(entry["value"] for entry in container["env"] if entry["name"] == BACKUPS_VARIABLE)
    assert folder in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert template["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


@pytest.mark.parametrize(
    ("newest", "due"),
    [
        (None, NOON),
        ("20260302-010005", datetime(2026, 3, 3, 1, tzinfo=UTC)),
        ("20260302-005900", datetime(2026, 3, 2, 1, tzinfo=UTC)),
        ("20260301-183000", datetime(2026, 3, 2, 1, tzinfo=UTC)),
    ],
)
def test_backup_is_due_at_one_after_the_newest(tmp_path: Path, newest: str | None, due: datetime) -> None:
    if newest:
        (tmp_path / f"comets-{newest}.tar").touch()
    (tmp_path / "before-upgrade-20260302-110000.tar").touch()
    assert next_backup_at(tmp_path, NOON) == due


def test_health_check_fails_without_a_backup_of_the_last_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, NOON) == 1
    (tmp_path / "comets-20260301-120000.tar").touch()
    assert check(tmp_path, NOON) == 0
    assert check(tmp_path, NOON + timedelta(hours=4)) == 1
    assert "of 2026-03-01 12:00:00+00:00" in capsys.readouterr().err
