"""Disks small enough to fill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk in memory at a new folder; skip the test where that is not allowed.

    :param size: as of `mount -o size=`
    """
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        if subprocess.run(mount, check=False).returncode != 0:
            pytest.skip("this container may not mount a disk")
        try:
            yield folder
        finally:
            subprocess.run(["/bin/umount", str(folder)], check=True)
    finally:
        folder.rmdir()
