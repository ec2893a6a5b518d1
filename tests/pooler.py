"""PgBouncer in transaction mode with TLS, as in front of hosted databases (Supabase's port 6543)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.server_user import server_identity
from tests.conftest import REQUIRED

START_SECONDS = 20


def find_pgbouncer() -> str:
    """Return the program; skip the test without it, unless COMETS_REQUIRE names it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        if "pgbouncer" in REQUIRED:
            pytest.fail("COMETS_REQUIRE names pgbouncer, and it is not installed")
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    return program


@contextmanager
def running_pgbouncer(folder: Path, server: EmbeddedPostgres, passwords: Mapping[str, str]) -> Iterator[int]:
    """Run PgBouncer in front of a server; yield its port.

    :param passwords: by user
    """
    program = find_pgbouncer()
    port = free_port()
    make_certificate(folder)
    (folder / "users").write_text("".join(f'"{user}" "{password}"\n' for user, password in passwords.items()))
    (folder / "pgbouncer.ini").write_text(
        f"""
        [databases]
        * = host=127.0.0.1 port={server.port}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        pool_mode = transaction
        default_pool_size = 2
        auth_type = scram-sha-256
        auth_file = {folder}/users
        client_tls_sslmode = require
        client_tls_key_file = {folder}/key.pem
        client_tls_cert_file = {folder}/certificate.pem
        """.replace("        ", "")
    )
    # PgBouncer does not run as root.
    identity = server_identity()
    if identity:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, identity["user"], identity["group"])
        for parent in folder.parents:
            parent.chmod(parent.stat().st_mode | 0o001)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **identity
        )
    try:
        wait_for(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until PgBouncer listens."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"pgbouncer does not listen: {log.read_text()}") from None
            time.sleep(0.05)


def make_certificate(folder: Path) -> None:
    """Write a self-signed certificate, which sslmode=require accepts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
