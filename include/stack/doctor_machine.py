"""The doctor's checks of disks and backups."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.stack.doctor import Case, Level, Line
from include.stack.project import PROJECT

# A day of 10,000 creators and its logs take less than 100 MB; an upgrade rewrites tables.
WARN_FREE_BYTES = 2_000_000_000
FAILED_FREE_BYTES = 200_000_000
MAX_BACKUP_AGE = timedelta(days=2)


def check_disk(case: Case) -> Iterator[Line]:
    """Check the free space of each disk that the stack writes to."""
    folders = {"task logs": case.environment.task_logs}
    if case.is_local:
        folders = {"state folder": case.environment.state.folder, **folders}
        if case.environment.needs_embedded_postgres:
            folders["embedded PostgreSQL"] = case.environment.state.postgres
    seen: set[int] = set()
    for name, folder in folders.items():
        place = next(path for path in (folder, *folder.parents) if path.exists())
        if place.stat().st_dev in seen:
            continue
        seen.add(place.stat().st_dev)
        usage = shutil.disk_usage(place)
        text = f"{usage.free / 1e9:,.1f} of {usage.total / 1e9:,.1f} GB free at {folder} ({name})"
        level = Level.FAILED if usage.free < FAILED_FREE_BYTES else Level.WARN
        if usage.free < WARN_FREE_BYTES:
            yield Line(level, "disk", f"{text}. Free some: docs/howto/runbook.md, Free a disk")
        else:
            yield Line(Level.OK, "disk", text)
    if case.sizes:
        sizes = ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in case.sizes.items())
        yield Line(Level.OK, "size", sizes)


def check_backup(case: Case) -> Iterator[Line]:
    """Check the age of the newest backup of real creators."""
    if case.is_made_up:
        yield Line(Level.OK, "backup", "not needed for made-up creators")
        return
    if not case.uses_embedded_database:
        yield Line(Level.OK, "backup", "not seen from here; use the backups of the database's host")
        return
    # Earlier versions of `make backup` wrote to the project's folder.
    files = [*(case.environment.state.folder / "backups").glob("comets-*.*"), *PROJECT.glob("comets-*.dump")]
    newest = max((file for file in files if file.suffix != ".part"), key=modified_at, default=None)
    has_creators = bool(case.health.get("creator_count"))
    if newest is None:
        if has_creators:
            yield Line(Level.WARN, "backup", "none. Lost creators can't be fetched again. Run: make backup")
        else:
            yield Line(Level.OK, "backup", "none, and no creator is known yet")
        return
    age = datetime.now(UTC) - modified_at(newest)
    text = f"{newest.name}, {age.days} days old" if age.days else f"{newest.name}, less than a day old"
    if has_creators and age > MAX_BACKUP_AGE:
        yield Line(Level.WARN, "backup", f"{text}. Run: make backup")
    else:
        yield Line(Level.OK, "backup", text)


def modified_at(file: Path) -> datetime:
    """Return when a file was last changed."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
