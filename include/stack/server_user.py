"""Who runs the embedded PostgreSQL: the caller, or, because PostgreSQL refuses root, a system user of its own.

As root, that user must be able to read the server's programs, which may lie in a virtual environment below `/root`,
and to reach the cluster's folder. For this, and only as far as it is missing:

* folders on the way get the right to be passed through by others (`o+x`); it does not let them list or read anything;
* the wheel's programs and libraries get the right to be read by others; they are public files.

Nothing else is opened: the cluster's folder belongs to that user and has mode 0700.
"""

import logging
import os
import pwd
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from include.stack.errors import StackError

SERVER_USER = "pgserver"
USERADD_TRIES = 5

log = logging.getLogger(__name__)


class Owner(NamedTuple):
    """Numbers of the user and group that own the cluster."""

    user_id: int
    group_id: int


def runs_as_root() -> bool:
    """Tell whether the server needs another user than the caller."""
    return os.geteuid() == 0


def prepare_server_user(folder: Path, installation: Path) -> Owner:
    """Make sure that the server's user exists, owns `folder` and can run what is in `installation`.

    :raises StackError: the user is missing and cannot be made.
    """
    if not runs_as_root():
        return Owner(os.geteuid(), os.getegid())
    owner = find_or_make_user()
    os.chown(folder, owner.user_id, owner.group_id)
    folder.chmod(0o700)
    opened = allow_passing(folder) + allow_passing(installation)
    # The libraries that the wheel's programs are linked with lie beside the package, under the wheel's name.
    for tree in (installation, installation.parent.with_name(f"{installation.parent.name}.libs")):
        allow_reading(tree)
    if opened:
        names = ", ".join(str(path) for path in opened)
        log.warning("PostgreSQL refuses to run as root; its user %s may now pass through: %s", SERVER_USER, names)
    return owner


def find_or_make_user() -> Owner:
    """Return the server's user, making it when it is missing; several callers may do so at the same time."""
    for attempt in range(USERADD_TRIES):
        try:
            entry = pwd.getpwnam(SERVER_USER)
            return Owner(entry.pw_uid, entry.pw_gid)
        except KeyError:
            make_user(last_try=attempt == USERADD_TRIES - 1)
    raise StackError(f"the system user {SERVER_USER} was made but cannot be found")


def make_user(*, last_try: bool) -> None:
    """Make the system user; a failure counts only when a parallel caller cannot be the reason."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    advice = "run as an ordinary user, or make that user yourself"
    if useradd is None:
        raise StackError(f"PostgreSQL refuses to run as root and there is no useradd to make {SERVER_USER}: {advice}")
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode and last_try:
        raise StackError(f"useradd could not make the user {SERVER_USER} ({result.stderr.strip()}): {advice}")
    if result.returncode:
        time.sleep(0.3)


def allow_passing(path: Path) -> list[Path]:
    """Give others the right to pass through the folders above `path`; return the folders that lacked it."""
    closed = [parent for parent in path.parents if not parent.stat().st_mode & stat.S_IXOTH]
    for parent in closed:
        parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    return closed


def allow_reading(tree: Path) -> None:
    """Give others the right to read a tree of files, and to run what its owner can run."""
    for folder, _, files in os.walk(tree):
        add_mode(Path(folder), stat.S_IROTH | stat.S_IXOTH)
        for name in files:
            path = Path(folder, name)
            runnable = path.stat().st_mode & stat.S_IXUSR
            add_mode(path, stat.S_IROTH | (stat.S_IXOTH if runnable else 0))


def add_mode(path: Path, bits: int) -> None:
    """Add permission bits where they are missing."""
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def make_private_folder(path: Path, owner: Owner) -> None:
    """Make a folder for the server's user alone, at a place where others may write.

    :raises StackError: the name is taken by something that belongs to somebody else.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner.user_id, os.geteuid()):
            raise StackError(f"{path} is in the way: it is not a folder of this user") from None
    path.chmod(0o700)
    if runs_as_root():
        os.chown(path, owner.user_id, owner.group_id)
