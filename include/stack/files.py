"""Private files of the state folder: locks, logs, passwords."""

import os
from pathlib import Path
from typing import IO

MAX_LOG_BYTES = 5_000_000


def open_lock(path: Path) -> int:
    """Open a lock file; create it if absent."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def open_log(path: Path) -> IO[bytes]:
    """Open a private log for appending; a large one starts over."""
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.unlink()
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


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
