"""Run the services of docker-compose.yaml without a container engine: same users, files, secrets and rights.

A container is a mount namespace with a root of its own: the image's folders are those of this machine, read-only;
/run/secrets has the service's secrets; its processes run as its user, without any capability. All share a network
namespace, in which the services' names are addresses of the loopback interface. Needs root and Linux.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from include.stack.postgres import EmbeddedPostgres
from tests.docker.compose import AIRFLOW_SERVICES, HOME, SERVICES, fill_in, make_secrets, secrets_of
from tests.docker.compose import PROJECT_FOLDER as PROJECT

PROGRAMS = ("unshare", "setpriv", "chroot", "ip", "mount", "curl", "redis-server")
# Two of them listen on the same port.
ADDRESSES = dict.fromkeys(SERVICES, "127.0.0.1") | {
    "airflow-apiserver": "127.0.0.2",
    "airflow-execution-api": "127.0.0.3",
}
# Folders that take the place of the image's.
IMAGE_FOLDERS = [
    *(Path(name) for name in ("/bin", "/sbin", "/lib", "/lib64", "/usr", "/etc")),
    *(Path(name).resolve() for name in (PROJECT, sys.prefix, sys.base_prefix)),
]
USERS = {"redis": "999:999"}
WORKING_FOLDERS = {"redis": "/data"}
WAIT_SECONDS = 240


@dataclass(frozen=True)
class Containers:
    """The containers of a Compose project.

    :param folder: the folder "secrets", the volumes, and the output of each container as NAME.log
    :param values: the variables of its .env
    """

    folder: Path
    values: dict[str, str]

    def start(self, service: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a service, or another command in a container like the service's."""
        with self.log(service, *command).open("wb") as log:
            return subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--uts",
                    "--propagation",
                    "private",
                    "sh",
                    "-euc",
                    self._script(service, command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(self, service: str, *command: str) -> str:
        """Run a service, or another command in a container like the service's; return its output.

        :raises RuntimeError: it has failed.
        """
        code = self.start(service, *command).wait(WAIT_SECONDS)
        output = self.log(service, *command).read_text(encoding="utf-8")
        if code:
            raise RuntimeError(f"{service} {shlex.join(command)} exited with {code}:\n{output[-3000:]}")
        return output

    def wait_until_healthy(self, service: str) -> None:
        """Wait until a service's health check passes.

        :raises TimeoutError: it does not; the text has the end of the service's output.
        """
        kind, *test = SERVICES[service]["healthcheck"]["test"]
        # curl resolves localhost by itself.
        parts = [fill_in(part, self.values).replace("localhost", ADDRESSES[service]) for part in test]
        deadline = time.monotonic() + WAIT_SECONDS
        while self.start(service, *(["sh", "-c", *parts] if kind == "CMD-SHELL" else parts)).wait():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{service} is not healthy:\n{self.log(service).read_text()[-3000:]}")
            time.sleep(1)

    def log(self, service: str, *command: str) -> Path:
        """Return the file with the output of a service or of another command in its container."""
        return self.folder / f"{service}{'-command' if command else ''}.log"

    def _script(self, service: str, command: tuple[str, ...]) -> str:
        declared = SERVICES[service]
        user, _, group = USERS.get(service, fill_in(declared["user"], self.values)).partition(":")
        process = [
            *("chroot", ".", "setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"),
            *("--bounding-set", "-all", "--inh-caps", "-all"),
            *("env", "-i", f"--chdir={WORKING_FOLDERS.get(service, HOME)}", *self._environment(service)),
            *(command or self._program(service)),
        ]
        secrets = {name: self.folder / "secrets" / name for name in sorted(secrets_of(service))}
        lines = [
            f"hostname {service}",
            "mount -t tmpfs -o mode=755 tmpfs /mnt",
            "cd /mnt",
            f"mkdir -p etc dev proc run/secrets .{HOME}",
            *(bind(path, str(path)) for path in IMAGE_FOLDERS if path.is_dir()),
            *(f"mount --rbind /{name} {name}" for name in ("dev", "proc")),
            *(f"mkdir -p .{path}; mount -t tmpfs -o mode=1777,noexec tmpfs .{path}" for path in declared["tmpfs"]),
            *(self._mount(text) for text in declared.get("volumes", ())),
            *(
                f"touch run/secrets/{name}; mount --bind {quoted(path)} run/secrets/{name}"
                for name, path in secrets.items()
            ),
            *(f"echo {address} {name} >>run/hosts" for name, address in ADDRESSES.items()),
            "mount --bind run/hosts etc/hosts",
            f"mount -o remount,{'ro' if declared['read_only'] else 'rw'} .",
            f"exec {shlex.join(process)}",
        ]
        return "\n".join(lines)

    def _environment(self, service: str) -> list[str]:
        declared: dict[str, str | None] = SERVICES[service].get("environment", {})
        values = {
            name: self.values.get(name) if text is None else fill_in(text, self.values)
            for name, text in declared.items()
        }
        programs = [f"{HOME}/include/docker/bin", str(Path(sys.executable).parent), "/usr/bin", "/bin"]
        values |= {"PATH": ":".join(programs), "HOME": "/home/airflow", "AIRFLOW_HOME": HOME, "HOSTNAME": service}
        if SERVICES[service]["command"][0] == "api-server":
            values["AIRFLOW__API__HOST"] = ADDRESSES[service]
        return [f"{name}={value}" for name, value in values.items() if value is not None]

    def _program(self, service: str) -> list[str]:
        command: list[str] = SERVICES[service]["command"]
        # The image's entrypoint takes other words for commands of Airflow.
        return command if command[0] in ("python", "redis-server") else ["airflow", *command]

    def _mount(self, text: str) -> str:
        source, target, *options = text.split(":")
        if source.startswith("."):
            return bind(PROJECT / source, target, is_read_only=options == ["ro"])
        volume = self.folder / source
        volume.mkdir(exist_ok=True)
        volume.chmod(0o777)
        return bind(volume, target, is_read_only=False)


def bind(source: Path, target: str, *, is_read_only: bool = True) -> str:
    """Return the commands that mount a folder below the new root."""
    there = quoted(f".{target}")
    lock = f"; mount -o remount,bind,ro {there}" if is_read_only else ""
    return f"mkdir -p {there}; mount --bind {quoted(source)} {there}{lock}"


def quoted(path: Path | str) -> str:
    """Return a path as a word of the shell."""
    return shlex.quote(str(path))


def missing_program() -> str | None:
    """Return a program that is needed and not installed."""
    return next((name for name in PROGRAMS if shutil.which(name) is None), None)


@contextmanager
def running_containers(folder: Path, values: dict[str, str]) -> Iterator[Containers]:
    """Start all services in the order of their dependencies, and stop them at the end.

    The network namespace of this process must be its own.

    :param folder: an empty folder.
    """
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    secrets = make_secrets(folder, **values)
    containers = Containers(folder, values)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder / "postgres", durable=False, listen_port=5432))
        create_superuser(server, secrets["POSTGRES_PASSWORD"])
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(stop, started)
        for services in (["redis", "sandbox"], ["airflow-init"], sorted(AIRFLOW_SERVICES.keys() - {"airflow-init"})):
            if services == ["airflow-init"]:
                containers.run("airflow-init")
                continue
            started.extend(containers.start(service) for service in services)
            for service in services:
                containers.wait_until_healthy(service)
        yield containers


def create_superuser(server: EmbeddedPostgres, password: str) -> None:
    """Create the role and the database that the entrypoint of the image `postgres` creates."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("create role airflow superuser login password {}").format(sql.Literal(password)))
    server.create_database("airflow")


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Stop services as `docker compose stop` does."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
