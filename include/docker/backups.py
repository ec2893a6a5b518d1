"""Back up the databases of docker-compose.yaml daily, and clean Airflow's: `python -m include.docker.backups`.

It is the service `backup`. `now` writes one backup, `clean` deletes from Airflow's database what
`retention.airflow_days` does not keep, `check` is the health check. `restore FILE [--force]` needs the superuser's
password, which the service `airflow-init` has. Keys are not in these backups: they are in the folder `secrets`.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from comets.settings import SettingsError
from include.docker.__main__ import with_secrets
from include.docker.init import BACKUPS_VARIABLE, container_deployment
from include.stack.archive import KEPT_COUNT, backups_of, keep_newest, made_at, new_path
from include.stack.backup import SCHEDULED, Deployment, bring_back, save
from include.stack.cleaner import clean
from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import note, say

HOUR = 1
RETRY_SECONDS = 600
# A backup may take an hour or two.
MAX_AGE = timedelta(hours=27)


def main(arguments: list[str]) -> int:
    """Run a command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.docker.backups")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("now")
    commands.add_parser("clean")
    commands.add_parser("check")
    restoring = commands.add_parser("restore")
    restoring.add_argument("file")
    restoring.add_argument("--force", action="store_true")
    chosen = parser.parse_args(arguments)
    folder = Path(os.environ[BACKUPS_VARIABLE])
    if chosen.command == "check":
        return check(folder, datetime.now(UTC))
    if chosen.command == "clean":
        return clean()
    try:
        with TemporaryDirectory() as state:
            deployment = container_deployment(
                resolve({**os.environ, "COMETS_STATE_DIR": state}), with_secrets(os.environ), folder
            )
    except (StackError, SettingsError) as error:
        note(f"Error: {error}")
        return 1
    if chosen.command == "restore":
        return attempt(lambda: bring_back(deployment, folder / chosen.file, is_forced=chosen.force))
    if chosen.command == "now":
        return attempt(lambda: back_up(deployment))
    while True:
        wait = (next_backup_at(folder, datetime.now(UTC)) - datetime.now(UTC)).total_seconds()
        if wait > 0:
            time.sleep(wait)
        elif attempt(lambda: back_up(deployment)):
            time.sleep(RETRY_SECONDS)
        else:
            clean()


def back_up(deployment: Deployment) -> None:
    """Write a backup, and delete the oldest ones."""
    path = new_path(deployment.backups, SCHEDULED)
    say(f"Saved {save(deployment, path)} to {path}.")
    keep_newest(deployment.backups, SCHEDULED, KEPT_COUNT)


def attempt(act: Callable[[], None]) -> int:
    """Act; return 1 and print the cause if it fails."""
    try:
        act()
    except (StackError, psycopg.Error) as error:
        note(f"Error: {error}")
        return 1
    return 0


def next_backup_at(folder: Path, now: datetime) -> datetime:
    """Return when the next backup is due: at the first HOUR after the newest one, at once without one."""
    newest = newest_at(folder)
    if newest is None:
        return now
    due = newest.replace(hour=HOUR, minute=0, second=0)
    return due if due > newest else due + timedelta(days=1)


def newest_at(folder: Path) -> datetime | None:
    """Return when the newest scheduled backup was made."""
    found = backups_of(folder, SCHEDULED)
    return made_at(found[-1]) if found else None


def check(folder: Path, now: datetime) -> int:
    """Return 1 and print the cause if the newest backup is too old."""
    newest = newest_at(folder)
    if newest is not None and now - newest <= MAX_AGE:
        return 0
    note(f"The newest backup is of {newest or 'no date yet'}. The service's log has the cause.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
