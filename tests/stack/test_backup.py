"""Backup, restore and protection of real creators."""

from __future__ import annotations

import json
import stat
import subprocess
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.stack.archive import KEPT_COUNT, MANIFEST, backups_of
from include.stack.environment import COMETS_DATABASE, METADATA_DATABASE, METADATA_VARIABLE
from include.stack.postgres import EmbeddedPostgres, find_binaries
from include.stack.project import SCHEMA_FILE
from tests.stack.test_commands import run_stack


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with real creators in the embedded database."""
    folder = tmp_path / "the state"
    with EmbeddedPostgres(folder / "postgres") as server:
        server.create_database(COMETS_DATABASE)
        set_up(server.url(COMETS_DATABASE))
    return folder


def set_up(url: str) -> None:
    """Make the tables, with two creators."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA_FILE.read_bytes())
        connection.execute("insert into creators (user_id, handle) values ('71', 'ada'), ('72', 'bo')")


def query(state: Path, statement: str, database: str = COMETS_DATABASE) -> list[Any]:
    """Execute a statement in the embedded database; return the first column of its rows."""
    with (
        EmbeddedPostgres(state / "postgres") as server,
        psycopg.connect(server.url(database), autocommit=True) as connection,
    ):
        cursor = connection.execute(statement.encode())
        return [row[0] for row in cursor] if cursor.description else []


def handles(state: Path) -> list[str]:
    return query(state, "select handle from creators order by user_id")


def back_up(state: Path, path: Path) -> None:
    result = run_stack("backup", str(path), COMETS_STATE_DIR=str(state))
    assert result.returncode == 0, result.stderr


def restore(state: Path, path: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_stack("restore", *options, str(path), COMETS_STATE_DIR=str(state), **variables)


def with_manifest(path: Path, changes: Mapping[str, Any]) -> Path:
    """Return a copy of a backup with changes of its manifest."""
    changed = path.with_name("changed.tar")
    with tarfile.open(path) as source, tarfile.open(changed, "w") as target:
        for member in source:
            file = source.extractfile(member)
            assert file
            content = file.read()
            if member.name == MANIFEST:
                content = json.dumps({**json.loads(content), **changes}).encode()
                member.size = len(content)
            target.addfile(member, BytesIO(content))
    return changed


def test_backup_restores_on_another_machine(state: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    result = run_stack("backup", str(saved), COMETS_STATE_DIR=str(state))
    assert (result.returncode, result.stdout) == (0, f"Saved 2 creators and the keys to {saved}.\n")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    elsewhere = tmp_path / "elsewhere"
    result = restore(elsewhere, saved)
    assert (result.returncode, result.stdout.splitlines()[0]) == (0, f"Restored 2 creators from {saved}.")
    assert "repeat each erasure request since" in result.stdout
    assert handles(elsewhere) == ["ada", "bo"]
    keys = Path("keys", "keys.json")
    assert (elsewhere / keys).read_text() == (state / keys).read_text()
    assert stat.S_IMODE((elsewhere / keys).stat().st_mode) == 0o600


def test_dump_of_an_earlier_version_restores(state: Path, tmp_path: Path) -> None:
    saved = tmp_path / "comets-20260301-020000.dump"
    query(state, "update comet_schema set version = 9")
    with EmbeddedPostgres(state / "postgres") as server:
        command = [str(find_binaries() / "pg_dump"), "--format=custom", f"--file={saved}", server.url(COMETS_DATABASE)]
        subprocess.run(command, check=True)
    assert restore(tmp_path / "elsewhere", saved).returncode == 0
    assert handles(tmp_path / "elsewhere") == ["ada", "bo"]
    assert query(tmp_path / "elsewhere", "select version from comet_schema") == [10]


def test_restore_replaces_real_creators_only_if_forced(state: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    back_up(state, saved)
    query(state, "update creators set handle = 'later'")
    refused = restore(state, saved)
    assert (refused.returncode, "2 real creators would be lost" in refused.stderr) == (1, True)
    assert handles(state) == ["later", "later"]
    assert restore(state, saved, "--force").returncode == 0
    assert handles(state) == ["ada", "bo"]
    databases = "select datname::text from pg_database where not datistemplate order by datname"
    assert query(state, databases) == [COMETS_DATABASE, "postgres"]


def test_restore_covers_airflows_database_and_migrates_it_again(state: Path, tmp_path: Path) -> None:
    with EmbeddedPostgres(state / "postgres") as server:
        server.create_database(METADATA_DATABASE)
    make = "create table alembic_version as select 'old' as version_num"
    query(state, make, METADATA_DATABASE)
    (state / "postgres" / "airflow-ready").write_text("3.3.2 tikhub 4")
    saved = tmp_path / "saved.tar"
    back_up(state, saved)
    query(state, "update alembic_version set version_num = 'new'", METADATA_DATABASE)
    assert restore(state, saved, "--force").returncode == 0
    assert query(state, "select version_num from alembic_version", METADATA_DATABASE) == ["old"]
    assert not (state / "postgres" / "airflow-ready").exists()


def test_creator_erased_after_the_backup_stays_erased(state: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    back_up(state, saved)
    query(
        state,
        """
        with erased as (delete from creators where user_id = '71' returning user_id)

        insert into comet_erased_ids (identity_hash, erased_at, run_id)
        select encode(sha256(convert_to(salt || ' ' || user_id, 'UTF8')), 'hex'), now(), 'a run'
        from erased
        cross join comet_schema
        """,
    )
    result = restore(state, saved, "--force")
    assert "Erased 1 creators again that were erased after the backup." in result.stdout
    assert "repeat each erasure" not in result.stdout
    assert handles(state) == ["bo"]
    assert query(state, "select count(*) from comet_erased_ids") == [1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tables_version": 11}, "version 11 of the tables; this package has 10"),
        ({"postgres_major": 19}, "version 19 of PostgreSQL"),
        ({"airflow_version": "9.0.0"}, "version 9.0.0 of Airflow"),
    ],
    ids=["tables", "postgres", "airflow"],
)
def test_backup_of_a_newer_version_changes_nothing(
    state: Path, tmp_path: Path, changes: Mapping[str, Any], text: str
) -> None:
    back_up(state, tmp_path / "saved.tar")
    query(state, "update creators set handle = 'later'")
    result = restore(state, with_manifest(tmp_path / "saved.tar", changes), "--force")
    assert (result.returncode, text in result.stderr) == (1, True), result.stderr
    assert handles(state) == ["later", "later"]


def test_invalid_backup_changes_nothing(state: Path, tmp_path: Path) -> None:
    saved, broken = tmp_path / "saved.tar", tmp_path / "broken"
    back_up(state, saved)
    content = saved.read_bytes()
    middle = content.index(b"PGDMP") + 1000
    for damaged, text in (
        (b"not a dump", "is not a backup"),
        (b"PGDMP and no more", "can't be loaded"),
        (content[:middle], "is not a backup, or it is incomplete"),
        (content[:middle] + b"wrong" + content[middle + 5 :], "is damaged: comets.dump"),
    ):
        broken.write_bytes(damaged)
        result = restore(state, broken, "--force")
        assert (result.returncode, text in result.stderr) == (1, True), result.stderr
        assert handles(state) == ["ada", "bo"]
    assert "Choose an existing file" in run_stack("restore", COMETS_STATE_DIR=str(state)).stderr
    assert list((state / "backups").iterdir()) == []


def test_database_in_use_is_not_replaced(state: Path, tmp_path: Path) -> None:
    back_up(state, tmp_path / "saved.tar")
    with (
        EmbeddedPostgres(state / "postgres") as server,
        psycopg.connect(server.url(COMETS_DATABASE)) as user,
    ):
        user.execute("select 1")
        result = restore(state, tmp_path / "saved.tar", "--force")
        assert (result.returncode, "close other connections" in result.stderr) == (1, True)
        assert user.execute("select count(*) from creators").fetchone() == (2,)


def test_backup_does_not_overwrite_a_file(state: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    result = run_stack("backup", str(tmp_path / "there"), COMETS_STATE_DIR=str(state))
    assert (result.returncode, "already exists" in result.stderr) == (1, True)
    assert (tmp_path / "there").read_text() == "mine"


def test_without_creators_and_without_airflow_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    result = run_stack("backup", COMETS_STATE_DIR=str(tmp_path / "state"))
    assert (result.returncode, "Nothing to back up" in result.stderr) == (1, True)
    assert backups_of(tmp_path / "state" / "backups") == []


def test_scheduled_backups_delete_older_ones(state: Path) -> None:
    folder = state / "backups"
    folder.mkdir()
    kept = [folder / "before-upgrade-20260101-000000.tar", folder / "mine.tar"]
    old = [folder / f"comets-2026010{number}-000000.tar" for number in range(1, 4)]
    for path in (*kept, *old):
        path.touch()
    assert run_stack("backup", "--keep", "2", COMETS_STATE_DIR=str(state)).returncode == 0
    newest, *_ = set(backups_of(folder, "comets")) - {*old}
    assert {*folder.iterdir()} == {*kept, old[-1], newest}
    refused = run_stack("backup", "--keep", "2", str(folder / "named.tar"), COMETS_STATE_DIR=str(state))
    assert "FILE=FOLDER" in refused.stderr


def test_upgrade_of_the_tables_saves_real_creators_before(state: Path, tmp_path: Path) -> None:
    folder = state / "backups"
    folder.mkdir()
    for number in range(KEPT_COUNT):
        (folder / f"before-upgrade-20260101-0000{number:02}.tar").touch()
    query(state, "update comet_schema set version = 9")
    variables = {"COMETS_STATE_DIR": str(state), "TIKHUB_API_KEY": "a-key"}
    result = run_stack("setup-database", **variables)
    assert (result.returncode, "Before the upgrade of the tables: saved 2 creators" in result.stderr) == (0, True)
    assert query(state, "select version from comet_schema") == [10]
    paths = backups_of(folder)
    assert len(paths) == KEPT_COUNT
    with tarfile.open(paths[-1]) as tar:
        manifest = tar.extractfile(MANIFEST)
        assert manifest
        assert json.load(manifest)["tables_version"] == 9

    assert run_stack("setup-database", **variables).stderr == ""
    assert backups_of(folder) == paths


def test_newer_tables_are_not_downgraded(state: Path) -> None:
    query(state, "update comet_schema set version = 11")
    result = run_stack("setup-database", COMETS_STATE_DIR=str(state), TIKHUB_API_KEY="a-key")
    assert (result.returncode, "of version 11, and this file makes version 10" in result.stderr) == (1, True)
    assert query(state, "select version from comet_schema") == [11]


def test_database_of_ones_own_restores_into_an_empty_one(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "server", durable=False) as server:
        for name in ("old", "new"):
            server.create_database(name)
        set_up(server.url("old"))
        with psycopg.connect(server.url("old"), autocommit=True) as connection:
            connection.execute("create table customers as select 1 as id")
            connection.execute("create role limited")
            connection.execute("create policy limited on creators to limited using (true)")
            connection.execute("create table alembic_version as select 'a' as version_num")
        old, new = ({"DATABASE_URL": server.url(name), METADATA_VARIABLE: server.url("old")} for name in ("old", "new"))
        server.create_database("new airflow")
        new |= {METADATA_VARIABLE: server.sqlalchemy_url("new airflow")}
        saved = tmp_path / "saved.tar"
        assert run_stack("backup", str(saved), COMETS_STATE_DIR=str(tmp_path / "state"), **old).returncode == 0

        refused = restore(tmp_path / "state", saved, "--force", **old)
        assert (refused.returncode, 'database "old"' in refused.stderr) == (1, True)
        result = restore(tmp_path / "state", saved, **new)
        assert result.returncode == 0, result.stderr
        with psycopg.connect(server.url("new")) as connection:
            assert connection.execute("select handle from creators order by handle").fetchall() == [("ada",), ("bo",)]
            assert connection.execute("select count(*) from comet_creator_metrics").fetchone() == (0,)
            assert connection.execute("select to_regclass('customers')").fetchone() == (None,)
        with psycopg.connect(server.url("new airflow")) as connection:
            assert connection.execute("select version_num from alembic_version").fetchall() == [("a",)]


def test_cluster_of_another_major_version_leads_to_dump_and_restore(state: Path) -> None:
    (state / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    result = run_stack("backup", COMETS_STATE_DIR=str(state))
    assert result.returncode == 1
    assert "is of PostgreSQL 17, and this version of the package has 18" in result.stderr
    assert "make restore" in result.stderr


def test_clean_deletes_real_creators_only_if_forced(state: Path) -> None:
    back_up(state, state / "backups" / "comets-20260101-000000.tar")
    refused = run_stack("clean", COMETS_STATE_DIR=str(state))
    assert (refused.returncode, "2 real creators" in refused.stderr) == (1, True)
    assert handles(state) == ["ada", "bo"]
    cleaned = run_stack("clean", "--force", COMETS_STATE_DIR=str(state))
    assert (cleaned.returncode, "Backups stay in" in cleaned.stdout) == (0, True)
    assert [path.name for path in state.iterdir()] == ["backups"]
    assert len(backups_of(state / "backups")) == 1
