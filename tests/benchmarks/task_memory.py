"""The peak memory of Airflow's tasks, watched from outside: no task knows of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.03
TITLE = re.compile(rb"airflow worker -- ([0-9a-f]{8}-[0-9a-f-]{27})")
"""What a task's process calls itself, with the id of its instance; its supervisor has a longer name."""
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@contextmanager
def watched_tasks() -> Iterator[dict[str, float]]:
    """The most memory in MB that each task has held, by the id of its instance; it fills meanwhile.

    The kernel keeps the peak, so that only what comes in a task's last moments could be missed.
    """
    peaks: dict[str, float] = {}
    is_over = threading.Event()
    watcher = threading.Thread(target=watch, args=(peaks, is_over), daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        is_over.set()
        watcher.join()


def watch(peaks: dict[str, float], is_over: threading.Event) -> None:
    """Look at all processes again and again."""
    while not is_over.wait(POLL_SECONDS):
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                title = TITLE.fullmatch((folder / "cmdline").read_bytes().split(b"\0")[0])
                peak = PEAK.search((folder / "status").read_text()) if title else None
            except OSError:
                # It has ended meanwhile.
                continue
            if title and peak:
                peaks[title[1].decode()] = int(peak[1]) / 1024
