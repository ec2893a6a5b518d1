"""The file of a backup: a tar archive with dumps of databases, the keys, and a manifest with versions and digests."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from include.stack.errors import StackError

MANIFEST = "manifest.json"
KEYS = "keys/"
CREATORS_DUMP = "comets.dump"
METADATA_DUMP = "airflow.dump"
DUMP_START = b"PGDMP"
DRAFT_PREFIX = ".comets-backup-"
KEPT_COUNT = 14
TIME_FORMAT = "%Y%m%d-%H%M%S"


class BackupError(StackError):
    """A backup or restore failed; the text has the cause."""


@dataclass(frozen=True)
class Manifest:
    """What a backup was made of; None is unknown.

    :param creator_count: creators in the dump; None without a dump of them
    :param digests: SHA-256 of each file, by its name in the archive
    """

    made_at: str | None = None
    package_version: str | None = None
    tables_version: int | None = None
    airflow_version: str | None = None
    postgres_major: int | None = None
    creator_count: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Backup:
    """A read backup.

    :param files: extracted files by their names in the archive
    """

    path: Path
    manifest: Manifest
    files: Mapping[str, Path]

    @property
    def keys(self) -> Mapping[str, Path]:
        """Return the files of the keys by their names."""
        return {name.removeprefix(KEYS): path for name, path in self.files.items() if name.startswith(KEYS)}


@contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """Yield a private folder beside a path, deleted at the end.

    :raises BackupError: it can't be written, or the disk is full.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=DRAFT_PREFIX, dir=path.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror}. Nothing was saved.") from None


def write_archive(path: Path, draft: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write a backup that only its owner can read: complete, or not at all.

    :param draft: a folder on the same file system
    :param manifest: without digests
    """
    digests = {name: digest_of(file) for name, file in files.items()}
    (draft / MANIFEST).write_text(json.dumps({**asdict(manifest), "digests": digests}, indent=2) + "\n")
    archive = draft / "archive.tar"
    with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name, source in {MANIFEST: draft / MANIFEST, **files}.items():
                tar.add(source, arcname=name, filter=private)
        file.flush()
        os.fsync(file.fileno())
    archive.rename(path)


def private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return a member without the name of its owner, readable only by its owner."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


@contextmanager
def read_archive(path: Path, parent: Path) -> Iterator[Backup]:
    """Extract a backup into a private folder in `parent`, deleted at the end.

    A dump of the creators' database alone, as earlier versions wrote it, is a backup without a manifest.

    :raises BackupError: the file is not a backup, or damaged.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("rb") as file:
        is_dump = file.read(len(DUMP_START)) == DUMP_START
    if is_dump:
        yield Backup(path, Manifest(), {CREATORS_DUMP: path})
        return
    with TemporaryDirectory(prefix=DRAFT_PREFIX, dir=parent) as folder:
        try:
            with tarfile.open(path, "r:") as tar:
                tar.extractall(folder, filter="data")
            manifest = Manifest(**json.loads((Path(folder) / MANIFEST).read_text()))
        except (tarfile.TarError, OSError, ValueError, TypeError) as error:
            raise BackupError(f"{path} is not a backup, or it is incomplete: {error}") from None
        files = {name: Path(folder) / name for name in manifest.digests}
        digests = manifest.digests
        damaged = [name for name, file in files.items() if not file.is_file() or digest_of(file) != digests[name]]
        if damaged:
            raise BackupError(f"{path} is damaged: {', '.join(damaged)}. Use another backup.")
        yield Backup(path, manifest, files)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_path(folder: Path, kind: str) -> Path:
    """Return the path of a new backup, named by its kind and the current time."""
    return folder / f"{kind}-{datetime.now(UTC):{TIME_FORMAT}}.tar"


def made_at(path: Path) -> datetime:
    """Return the time in a backup's name."""
    return datetime.strptime(path.stem[-15:], TIME_FORMAT).replace(tzinfo=UTC)


def backups_of(folder: Path, kind: str = "*") -> list[Path]:
    """Return the backups of a kind in a folder, the oldest first; names sort by time."""
    return sorted(folder.glob(f"{kind}-[0-9]*-[0-9]*.tar"), key=lambda path: path.stem[-15:])


def keep_newest(folder: Path, kind: str, kept_count: int) -> None:
    """Delete all backups of a kind in a folder but the newest."""
    for path in backups_of(folder, kind)[:-kept_count]:
        path.unlink(missing_ok=True)
