"""Encrypted connections to the creators' database, and the warning about others."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from include.stack.database import DatabaseError, connect
from include.stack.environment import resolve
from include.stack.output import warn
from include.stack.postgres import EmbeddedPostgres
from tests.stack.conftest import PASSWORDS
from tests.stack.postgres_forwarder import address_of_this_machine, forwarded
from tests.stack.tls_proxy import write_certificate

LOGIN = f"plain:{quote(PASSWORDS['plain'])}"


def log_in(url: str, state: dict[str, str], project: Path) -> str:
    """Log in to a database with TikHub's key set; return the user."""
    with connect(resolve({**state, "TIKHUB_API_KEY": "key", "DATABASE_URL": url}, project)) as connection:
        row = connection.execute("select current_user as name").fetchone()
    assert row
    return str(row["name"])


@pytest.fixture(autouse=True)
def no_warnings_yet() -> None:
    """Forget the warnings of other tests: each is printed once per process."""
    warn.cache_clear()


def test_verify_full_accepts_the_servers_own_certificate_only(
    password_server: EmbeddedPostgres, state: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    certificate, other = write_certificate(tmp_path), write_certificate(tmp_path / "other")
    with forwarded(password_server.port, certificate=certificate) as port:
        url = f"postgresql://{LOGIN}@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert="
        assert log_in(f"{url}{certificate}", state, tmp_path) == "plain"
        with pytest.raises(DatabaseError, match="certificate verify failed"):
            log_in(f"{url}{other}", state, tmp_path)
        with pytest.raises(DatabaseError, match='does not match host name "localhost"'):
            log_in(f"{url}{certificate}".replace("@127.0.0.1", "@localhost"), state, tmp_path)


@pytest.mark.parametrize("mode", ["", "?sslmode=prefer", "?sslmode=disable"])
def test_connection_that_may_be_unencrypted_is_warned_about(
    password_server: EmbeddedPostgres,
    state: dict[str, str],
    tmp_path: Path,
    mode: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    address = address_of_this_machine()
    with forwarded(password_server.port, address) as port:
        url = f"postgresql://{LOGIN}@{address}:{port}/postgres{mode}"
        log_in(url, state, tmp_path)
        log_in(url, state, tmp_path)
    warning = capfd.readouterr().err
    assert warning.count("Warning: DATABASE_URL allows an unencrypted connection") == 1
    assert "?sslmode=verify-full" in warning
    assert PASSWORDS["plain"] not in warning


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_encrypted_connection_is_not_warned_about(
    password_server: EmbeddedPostgres,
    state: dict[str, str],
    tmp_path: Path,
    mode: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    address = address_of_this_machine()
    certificate = write_certificate(tmp_path, address)
    with forwarded(password_server.port, address, certificate) as port:
        url = f"postgresql://{LOGIN}@{address}:{port}/postgres?sslmode={mode}&sslrootcert={certificate}"
        assert log_in(url, state, tmp_path) == "plain"
    assert "Warning" not in capfd.readouterr().err


def test_connection_to_this_machine_is_not_warned_about(
    password_server: EmbeddedPostgres, state: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert log_in(f"postgresql://{LOGIN}@127.0.0.1:{password_server.port}/postgres", state, tmp_path) == "plain"
    assert "Warning" not in capfd.readouterr().err
