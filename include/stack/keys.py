"""Keys and the UI's password: generated once per installation, readable by their owner only."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import NamedTuple

UI_USER = "admin"


class Keys(NamedTuple):
    """What Airflow's processes must share."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    ui_password: str


def load_keys(folder: Path) -> Keys:
    """Return this installation's keys, making them and the UI's password file at the first call."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_once(folder / "keys.json", json.dumps(new_keys()._asdict()))
    keys = Keys(**json.loads((folder / "keys.json").read_text()))
    create_once(passwords_file(folder), json.dumps({UI_USER: keys.ui_password}) + "\n")
    return keys


def load_redis_password(folder: Path) -> str:
    """Return the password of this installation's Redis, making it at the first call.

    :param folder: as for the other keys, which :func:`load_keys` has made
    """
    path = folder / "redis_password"
    create_once(path, secrets.token_urlsafe(32))
    return path.read_text()


def passwords_file(folder: Path) -> Path:
    """The file in which Airflow's simple auth manager looks for passwords."""
    return folder / "ui_passwords.json"


def new_keys() -> Keys:
    """Generate a set of keys; a Fernet key is 32 bytes in URL-safe base 64."""
    return Keys(
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt_secret=secrets.token_urlsafe(48),
        api_secret_key=secrets.token_urlsafe(32),
        ui_password=secrets.token_urlsafe(12),
    )


def create_once(path: Path, text: str) -> None:
    """Write a private file unless it exists; of several callers at the same time one wins, whole."""
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
