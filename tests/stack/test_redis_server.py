"""The Redis of `make distributed`: password, persistence, and the error when it is not installed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from include.stack.keys import load_keys, load_redis_password
from include.stack.processes import Processes
from include.stack.project import State
from include.stack.redis_server import START_SECONDS, RedisServer
from tests.stack.distributed_stack import require_redis
from tests.stack.test_commands import run_stack

PASSWORD = "a-password_0123456789"


@contextmanager
def running(server: RedisServer, state: State) -> Iterator[None]:
    """Run the server as the stack does."""
    with Processes(state, dict(os.environ), [server.part]) as processes:
        deadline = time.monotonic() + START_SECONDS
        while not server.is_ready():
            processes.check()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state folder with a space."""
    return State(tmp_path / "the state")


@pytest.fixture
def server(state: State) -> Iterator[RedisServer]:
    """A running server."""
    require_redis()
    server = RedisServer(state.redis, PASSWORD)
    with running(server, state):
        yield server


def test_redis_requires_a_password_that_no_command_line_shows(server: RedisServer, state: State) -> None:
    port = redis.Redis.from_url(server.url).connection_pool.connection_kwargs["port"]
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    addresses = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in lines if PASSWORD in line] == []
    written = [path for path in state.folder.rglob("*") if path.is_file()]
    assert [path.name for path in written if PASSWORD in path.read_text(errors="replace")] == ["redis.conf"]
    assert (state.redis / "redis.conf").stat().st_mode & 0o077 == 0


def test_queue_survives_a_clean_stop(state: State) -> None:
    require_redis()
    first = RedisServer(state.redis, PASSWORD)
    with running(first, state), redis.Redis.from_url(first.url) as client:
        client.rpush("queue", "task")
    second = RedisServer(state.redis, PASSWORD)
    with running(second, state), redis.Redis.from_url(second.url) as client:
        assert client.lrange("queue", 0, -1) == [b"task"]


def test_installations_have_different_passwords(tmp_path: Path) -> None:
    for name in ("one", "other"):
        load_keys(tmp_path / name)
    first = load_redis_password(tmp_path / "one")
    assert load_redis_password(tmp_path / "one") == first != load_redis_password(tmp_path / "other")


def test_missing_redis_names_the_package(tmp_path: Path) -> None:
    result = run_stack("distributed", PATH=str(tmp_path), COMETS_STATE_DIR=str(tmp_path / "state"))
    assert result.returncode == 1
    assert "apt-get install redis-server" in result.stderr
    assert not (tmp_path / "state" / "postgres").exists()
