"""Private files of the state folder: locks, logs, passwords."""

import os
import shutil
from pathlib import Path
from typing import IO

MAX_LOG_BYTES = 5_000_000


def open_lock(path: Path) -> int:
    """Open a lock file; create it if absent."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def open_log(path: Path) -> IO[bytes]:
    """Open a private log for appending; a large one becomes the previous one."""
    if is_large(path):
        path.replace(previous_log(path))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


def is_large(path: Path) -> bool:
    """Return whether a log is due to be rotated."""
    return path.exists() and path.stat().st_size > MAX_LOG_BYTES


def previous_log(path: Path) -> Path:
    """Return where the text of a rotated log is kept."""
    return path.with_name(f"{path.stem}.1{path.suffix}")


def limit_log(path: Path) -> None:
    """Rotate a large log that processes append to: they go on at its start."""
    if is_large(path):
        shutil.copy(path, previous_log(path))
        os.truncate(path, 0)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing an existing one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def log_tail(path: Path, line_count: int = 15) -> str:
    """Return the last lines of a log, with its name."""
    try:
        lines = path.read_text(errors="replace").splitlines()[-line_count:]
    except FileNotFoundError:
        return f"No log at {path}."
    return "\n".join([f"End of {path}:", *(f"  {line}" for line in lines)])
