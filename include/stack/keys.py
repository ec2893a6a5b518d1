"""Keys, generated once per installation and readable only by their owner."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import NamedTuple


class Keys(NamedTuple):
    """Secrets that Airflow's processes share."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str


def load_keys(folder: Path) -> Keys:
    """Return this installation's keys; the first call generates them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_once(folder / "keys.json", json.dumps(new_keys()._asdict()))
    stored = json.loads((folder / "keys.json").read_text())
    return Keys(*(stored[name] for name in Keys._fields))


def load_redis_password(folder: Path) -> str:
    """Return the password of this installation's Redis; the first call generates it.

    :param folder: that of :func:`load_keys`, which must exist
    """
    path = folder / "redis_password"
    create_once(path, secrets.token_urlsafe(32))
    return path.read_text()


def passwords_file(folder: Path) -> Path:
    """Return the password file of Airflow's simple auth manager."""
    return folder / "ui_passwords.json"


def new_keys() -> Keys:
    """Generate a set of keys; a Fernet key is 32 bytes in URL-safe base64."""
    return Keys(
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt_secret=secrets.token_urlsafe(48),
        api_secret_key=secrets.token_urlsafe(32),
    )


def create_once(path: Path, text: str) -> None:
    """Write a private file atomically unless it exists."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
