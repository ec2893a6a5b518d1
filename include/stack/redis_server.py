"""Redis, the queue between Airflow's scheduler and its Celery workers: `redis-server` of the operating system."""

import shutil
from pathlib import Path

import redis

from include.stack.errors import StackError
from include.stack.ports import LOOPBACK, free_port
from include.stack.processes import Part

PROGRAM = "redis-server"
START_SECONDS = 30
ASK_SECONDS = 5


class RedisMissingError(StackError):
    """There is no redis-server; the text names the package to install."""


class RedisServer:
    """A Redis on a free port of this machine, with a password; what is queued outlives an orderly end.

    :param folder: where its data and settings live.
    :param password: letters, digits, "-" and "_" only.
    """

    def __init__(self, folder: Path, password: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._port = free_port()
        self._password = password
        settings = folder / "redis.conf"
        # In a file and not on the command line, which every user of the machine can read.
        settings.touch(mode=0o600)
        # Without a rule about saving it keeps Redis's own, one of which is that it saves when it is asked to end.
        settings.write_text(f'bind {LOOPBACK}\nport {self._port}\nrequirepass {password}\ndir "{folder}"\n')
        # Scheduler and workers use it until their end.
        self.part = Part("redis", (find_redis(), str(settings)), is_needed_to_end=True)

    @property
    def url(self) -> str:
        """Its URL, password included."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    def answers(self) -> bool:
        """Tell whether it can be used."""
        try:
            with redis.Redis(LOOPBACK, self._port, password=self._password, socket_timeout=ASK_SECONDS) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def find_redis() -> str:
    """Return the path of the program.

    :raises RedisMissingError: it is not installed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise RedisMissingError(
            f"{PROGRAM} is not installed. Install the package: `apt-get install redis-server` (Debian, Ubuntu), "
            "`dnf install redis` (Fedora) or `brew install redis` (macOS)."
        )
    return program
