"""The queue of `make distributed`: asks for a password, keeps what is queued, and is asked for when it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import redis

from include.stack.keys import load_keys, load_redis_password
from include.stack.redis_server import RedisServer
from tests.stack.distributed_stack import require_redis
from tests.stack.test_commands import run_stack

PASSWORD = "a-password_0123456789"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server in a folder with a space."""
    require_redis()
    with RedisServer(tmp_path / "the state", PASSWORD) as server:
        yield server


def test_nobody_gets_in_without_the_password_which_no_command_line_shows(server: RedisServer) -> None:
    with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    listening = [
        connection
        for connection in psutil.net_connections("inet")
        if connection.laddr.port == server.port and connection.status == psutil.CONN_LISTEN
    ]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in lines if PASSWORD in line] == []
    assert {path.name for path in server.folder.iterdir() if PASSWORD in path.read_text(errors="replace")} == {
        "redis.conf"
    }
    assert (server.folder / "redis.conf").stat().st_mode & 0o077 == 0


def test_what_is_queued_outlives_an_orderly_end(server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.rpush("queue", "task")
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.lrange("queue", 0, -1) == [b"task"]


def test_each_installation_has_a_password_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        load_keys(tmp_path / name)
    first = load_redis_password(tmp_path / "one")
    assert load_redis_password(tmp_path / "one") == first != load_redis_password(tmp_path / "other")


def test_without_redis_the_command_names_the_package(tmp_path: Path) -> None:
    result = run_stack("distributed", PATH=str(tmp_path), COMETS_STATE_DIR=str(tmp_path / "state"))
    assert result.returncode == 1
    assert "apt-get install redis-server" in result.stderr
    assert not (tmp_path / "state" / "postgres").exists()
