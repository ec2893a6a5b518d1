"""Redis, the queue between Airflow's scheduler and its Celery workers: `redis-server` of the operating system."""

import shutil
from pathlib import Path

import redis

from include.stack.ports import LOOPBACK, free_port
from include.stack.shared_server import ServerError, SharedServer

PROGRAM = "redis-server"
ASK_SECONDS = 5


class RedisMissingError(ServerError):
    """There is no redis-server; the text names the package to install."""


class RedisServer(SharedServer):
    """A Redis on a free port of this machine, with a password; what is queued outlives an orderly end.

    :param folder: where its data, log and locks live.
    :param password: letters, digits, "-" and "_" only.
    """

    name = "Redis"

    def __init__(self, folder: Path, password: str) -> None:
        super().__init__(folder)
        self._password = password

    @property
    def port(self) -> int:
        """Where it listens; another one after each start."""
        return int(self._port_file.read_text())

    @property
    def url(self) -> str:
        """Its URL, password included, for a server that was started."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    @property
    def _settings_file(self) -> Path:
        return self.folder / "redis.conf"

    def _prepare(self) -> None:
        port = free_port()
        self._port_file.write_text(str(port))
        # In a file and not on the command line, which every user of the machine can read.
        self._settings_file.touch(mode=0o600)
        # Its data lie where it is started. Without a rule about saving it keeps Redis's own, one of which is that it
        # saves when it is told to end.
        self._settings_file.write_text(f"bind {LOOPBACK}\nport {port}\nrequirepass {self._password}\n")

    def _command(self) -> list[str]:
        return [find_redis(), self._settings_file.name]

    def _why_not_ready(self) -> str | None:
        try:
            with redis.Redis(LOOPBACK, self.port, password=self._password, socket_timeout=ASK_SECONDS) as client:
                client.ping()
        except redis.RedisError as error:
            return str(error)
        return None


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
