"""The embedded PostgreSQL: any folder, shared use, and no leftovers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT
from include.stack.server_user import SERVER_USER

WAIT_SECONDS = 30

USER_SCRIPT = """
import sys
from contextlib import suppress
from pathlib import Path
from include.stack.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


class OtherProcess:
    """A process that uses the server of a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_SCRIPT, str(folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n"

    def leave(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def postgres_processes(folder: Path) -> list[psutil.Process]:
    """Return the processes of a cluster."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder / "data"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(is_reached: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def names_in(server: EmbeddedPostgres, database: str) -> list[str]:
    with psycopg.connect(server.url(database)) as connection:
        return [row[0] for row in connection.execute("select name from names order by name")]


def write_name(server: EmbeddedPostgres, database: str, name: str) -> None:
    with psycopg.connect(server.url(database)) as connection:
        connection.execute("create table if not exists names (name text)")
        connection.execute("insert into names values (%s)", [name])


@pytest.mark.parametrize(
    "name",
    ["with a space", 'it\'s "quoted", 100% $HOME', "deep/" + "x" * 120],
    ids=["space", "odd-signs", "longer-than-a-socket-address"],
)
def test_server_works_in_any_folder_and_keeps_its_data(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    url = EmbeddedPostgres(folder).url("one")
    for attempt_number in (1, 2):
        with EmbeddedPostgres(folder, durable=False) as server:
            assert server.url("one") == url
            server.create_database("one")
            write_name(server, "one", f"round {attempt_number}")
            names = names_in(server, "one")
    assert names == ["round 1", "round 2"]
    wait_for(lambda: postgres_processes(folder) == [])


def test_create_database_keeps_an_existing_one(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("made_twice")
    write_name(postgres, "made_twice", "kept")
    postgres.create_database("made_twice")
    assert names_in(postgres, "made_twice") == ["kept"]


def test_data_and_socket_are_private_to_the_owner(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        assert server.folder.stat().st_mode & 0o777 == 0o700
        assert server.socket_folder.stat().st_mode & 0o777 == 0o700
        with psycopg.connect(server.url()) as connection:
            row = connection.execute("show listen_addresses").fetchone()
        assert row == ("",)


def test_server_does_not_run_as_root(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        pid_file = server.folder / "data" / "postmaster.pid"
        server_process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        owners = {server_process.username()}
    assert owners == {SERVER_USER if os.geteuid() == 0 else psutil.Process().username()}


def test_last_user_stops_the_server(tmp_path: Path) -> None:
    other = OtherProcess(tmp_path / "pg")
    other.wait_until_ready()
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        assert not server.started_here
        other.leave()
        write_name(server, "postgres", "still there")
    wait_for(lambda: postgres_processes(tmp_path / "pg") == [])


def test_concurrent_starts_share_one_server(tmp_path: Path) -> None:
    users = [OtherProcess(tmp_path / "pg") for _ in range(4)]
    for user in users:
        user.wait_until_ready()
    servers = [process for process in postgres_processes(tmp_path / "pg") if "-D" in process.cmdline()]
    for user in users:
        user.leave()
    assert len(servers) == 1
    wait_for(lambda: postgres_processes(tmp_path / "pg") == [])


def test_leftover_server_ends_with_the_next_user(tmp_path: Path) -> None:
    other = OtherProcess(tmp_path / "pg")
    other.wait_until_ready()
    other.kill()
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        assert not server.started_here
    assert postgres_processes(tmp_path / "pg") == []


def test_end_unused_stops_only_an_unused_server(tmp_path: Path) -> None:
    other = OtherProcess(tmp_path / "pg")
    other.wait_until_ready()
    assert not EmbeddedPostgres(tmp_path / "pg").stop_unused()
    other.kill()
    assert EmbeddedPostgres(tmp_path / "pg").stop_unused()
    assert postgres_processes(tmp_path / "pg") == []


def test_server_recovers_after_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    other = OtherProcess(folder)
    other.wait_until_ready()
    write_name(EmbeddedPostgres(folder), "postgres", "before the crash")
    for process in [psutil.Process(other.process.pid), *postgres_processes(folder)]:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    other.kill()
    with EmbeddedPostgres(folder, durable=False) as server:
        assert names_in(server, "postgres") == ["before the crash"]


def test_stale_pid_file_does_not_block_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    with EmbeddedPostgres(folder, durable=False):
        lock_files = {path: path.read_text() for path in folder.glob("data/*.pid")}
        lock_files |= {path: path.read_text() for path in folder.glob("data/.s.*.lock")}
    user = {"user": SERVER_USER} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], cwd="/", **user) as stranger:  # type: ignore[call-overload]
        for path, text in lock_files.items():
            path.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:], ""]))
        with EmbeddedPostgres(folder, durable=False) as server:
            write_name(server, "postgres", "fine")
        assert stranger.poll() is None
        stranger.kill()
