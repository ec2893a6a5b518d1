"""Redis, the queue between Airflow's scheduler and Celery workers: `redis-server` of the operating system."""

import shutil
from pathlib import Path

import redis

from include.stack.errors import StackError
from include.stack.ports import LOOPBACK, free_port
from include.stack.processes import Part

PROGRAM = "redis-server"
START_SECONDS = 30
TIMEOUT_SECONDS = 5


class RedisMissingError(StackError):
    """`redis-server` is not installed; the text names the package."""


class RedisServer:
    """A Redis on a free port, with a password; a clean stop keeps the queue.

    :param folder: folder of data and settings.
    :param password: letters, digits, "-" and "_" only.
    """

    def __init__(self, folder: Path, password: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._port = free_port()
        self._password = password
        settings = folder / "redis.conf"
        # Other users of the machine can read command lines.
        settings.touch(mode=0o600)
        settings.write_text(f'bind {LOOPBACK}\nport {self._port}\nrequirepass {password}\ndir "{folder}"\n')
        self.part = Part("redis", (find_redis(), str(settings)), stops_last=True)

    @property
    def url(self) -> str:
        """The URL, with the password."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    def is_ready(self) -> bool:
        """Return whether it accepts commands."""
        try:
            with redis.Redis(LOOPBACK, self._port, password=self._password, socket_timeout=TIMEOUT_SECONDS) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def find_redis() -> str:
    """Return the path of `redis-server`.

    :raises RedisMissingError: it is not installed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise RedisMissingError(
            f"{PROGRAM} is not installed. Install it with `apt-get install redis-server` (Debian, Ubuntu), "
            "`dnf install redis` (Fedora) or `brew install redis` (macOS)."
        )
    return program
