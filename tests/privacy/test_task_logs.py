"""Old log files of this package's tasks are deleted, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from comets.errors import TaskLogsError
from comets.privacy.task_logs import delete_task_logs

LIMIT = 1_000_000.0
OLD, YOUNG = LIMIT - 1, LIMIT


def write(path: Path, changed_at: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("log")
    os.utime(path, (changed_at, changed_at))
    return path


def attempt(folder: Path, run_id: str, changed_at: float, number: int = 1, dag_id: str = "comet_discovery") -> Path:
    return write(
        folder / f"dag_id={dag_id}" / f"run_id={run_id}" / "task_id=report" / f"attempt={number}.log", changed_at
    )


def test_old_files_and_their_empty_folders_are_deleted(tmp_path: Path) -> None:
    gone = attempt(tmp_path, "a", OLD)
    mixed = attempt(tmp_path, "b", OLD)
    kept = attempt(tmp_path, "b", YOUNG, number=2)
    others = [attempt(tmp_path, "c", OLD, dag_id=dag_id) for dag_id in ("comet_maintenance", "forget_creator")]
    assert delete_task_logs(tmp_path, LIMIT) == 4
    assert not any(path.exists() for path in (gone.parents[1], mixed, *(path.parents[2] for path in others)))
    assert kept.exists()
    assert delete_task_logs(tmp_path, LIMIT) == 0


def test_logs_of_other_dags_and_components_are_kept(tmp_path: Path) -> None:
    kept = [
        attempt(tmp_path, "a", OLD, dag_id="billing"),
        write(tmp_path / "scheduler" / "latest.log", OLD),
        write(tmp_path / "dag_processor.log", OLD),
    ]
    assert delete_task_logs(tmp_path, LIMIT) == 0
    assert all(path.exists() for path in kept)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "file.log", OLD)
    logs = tmp_path / "logs"
    folder = attempt(logs, "a", YOUNG).parent
    (folder / "file").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (logs / "dag_id=forget_creator").symlink_to(outside.parent)
    assert delete_task_logs(logs, LIMIT) == 0
    assert outside.exists()


def test_new_empty_folder_of_a_starting_task_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "dag_id=comet_discovery" / "run_id=a"
    folder.mkdir(parents=True)
    assert delete_task_logs(tmp_path, LIMIT) == 0
    assert folder.is_dir()


def test_missing_log_folder_is_empty(tmp_path: Path) -> None:
    assert delete_task_logs(tmp_path / "none", LIMIT) == 0


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder in which this process has no right of root."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            for path in folder.rglob("task_id=*"):
                path.chmod(0o700)
            os.seteuid(user)


def test_file_that_cannot_be_deleted_is_reported_after_the_others(unprivileged_folder: Path) -> None:
    stuck, gone = attempt(unprivileged_folder, "a", OLD), attempt(unprivileged_folder, "b", OLD)
    stuck.parent.chmod(0o500)
    with pytest.raises(TaskLogsError, match=r"1 of 2 old log files .*Permission denied: .*run_id=a"):
        delete_task_logs(unprivileged_folder, LIMIT)
    assert (stuck.exists(), gone.exists()) == (True, False)
