"""Lock files and logs in the state folder, readable by their owner only."""

import os
from pathlib import Path
from typing import IO

LARGEST_LOG_BYTES = 5_000_000


def open_lock(path: Path) -> int:
    """Open a lock file, making it when absent."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def open_log(path: Path) -> IO[bytes]:
    """Open a private log to append to; one that has grown large begins again."""
    if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
        path.unlink()
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


def log_tail(path: Path, line_count: int = 15) -> str:
    """Return the end of a log with its name, to be shown to a person."""
    try:
        lines = path.read_text(errors="replace").splitlines()[-line_count:]
    except FileNotFoundError:
        return f"There is no log {path}."
    return "\n".join([f"The end of {path}:", *(f"  {line}" for line in lines)])
