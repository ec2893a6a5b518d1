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
    failures: list[OSError] = []
    for dag_id in DAG_IDS:
        folder = log_folder / f"dag_id={dag_id}"
        if folder.is_dir() and not folder.is_symlink():
            count += _delete_files(folder, kept_from, failures)
    if failures:
        raise TaskLogsError(
            f"{len(failures)} of {len(failures) + count} old log files or folders in {log_folder} can't be deleted. "
            f"The first: {failures[0]}"
        )
    return count


def _delete_files(folder: Path, kept_from: float, failures: list[OSError]) -> int:
    count = 0
    try:
        # A folder that a starting task has just made is younger.
        is_old = folder.stat().st_mtime < kept_from
        with os.scandir(folder) as entries:
            found = list(entries)
    except FileNotFoundError:
        return 0
    except OSError as error:
        failures.append(error)
        return 0
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            count += _delete_files(Path(entry.path), kept_from, failures)
            continue
        try:
            if entry.stat(follow_symlinks=False).st_mtime < kept_from and not entry.is_symlink():
                Path(entry.path).unlink()
                count += 1
        except FileNotFoundError:
            continue
        except OSError as error:
            failures.append(error)
    if count or is_old:
        # It fails while the folder has other files.
        with suppress(OSError):
            folder.rmdir()
    return count
