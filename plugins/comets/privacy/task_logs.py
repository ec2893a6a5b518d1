"""The log files of this package's tasks in Airflow's log folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from comets.errors import TaskLogsError
from comets.settings import DAG_ID

DAG_IDS = (DAG_ID, "comet_maintenance", "forget_creator")


def delete_task_logs(log_folder: Path, kept_from: float) -> int:
    """Delete log files of this package's Dags, and the folders that this empties.

    Other Dags' logs, and links, are left alone.

    :param log_folder: Airflow's ``[logging] base_log_folder``
    :param kept_from: files last changed before this time, in seconds since 1970, are deleted
    :return: the number of deleted files
    :raises TaskLogsError: some files can't be deleted; the others are.
    """
    count = 0
    errors: list[OSError] = []
    for dag_id in DAG_IDS:
        folder = log_folder / f"dag_id={dag_id}"
        if folder.is_dir() and not folder.is_symlink():
            count += _delete_files(folder, kept_from, errors)
    # Another task may have deleted it first.
    failures = [error for error in errors if not isinstance(error, FileNotFoundError)]
    if failures:
        raise TaskLogsError(
            f"{len(failures)} of {len(failures) + count} old log files or folders in {log_folder} can't be deleted. "
            f"The first: {failures[0]}"
        )
    return count


def _delete_files(root: Path, kept_from: float, errors: list[OSError]) -> int:
    count = 0
    removed: set[Path] = set()
    for name, folders, files in os.walk(root, topdown=False, onerror=errors.append):
        folder = Path(name)
        before = count
        for file in map(folder.joinpath, files):
            try:
                if file.lstat().st_mtime < kept_from and not file.is_symlink():
                    file.unlink()
                    count += 1
            except OSError as error:
                errors.append(error)
        # A folder in which nothing was deleted may be that of a starting task.
        if count > before or not removed.isdisjoint(map(folder.joinpath, folders)):
            # It fails while the folder has other files.
            with suppress(OSError):
                folder.rmdir()
                removed.add(folder)
    return count
