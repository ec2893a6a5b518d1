"""The embedded PostgreSQL's user: the caller, or, because PostgreSQL refuses root, a system user of its own.

As root, that user must be able to read the server's programs, which may lie in a virtual environment below `/root`, and
to reach the cluster's folder. Only as far as it is missing, folders on the way can be passed through by others (`o+x`,
which lets them list or read nothing), and the wheel's public files can be read by others.
"""

import os
import pwd
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from include.stack.errors import StackError

SERVER_USER = "pgserver"
USERADD_TRIES = 5


class Owner(NamedTuple):
    """Numbers of the user and group that own the cluster."""

    user_id: int
    group_id: int


def runs_as_root() -> bool:
    """Tell whether the server needs another user than the caller."""
    return os.geteuid() == 0


def server_identity() -> dict[str, Any]:
    """Return what makes `subprocess` run a program as the server's user."""
    return {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if runs_as_root() else {}


def prepare_server_user(folder: Path, installation: Path) -> Owner:
    """Make sure that the server's user exists, owns `folder` and can run what is in `installation`.

    :raises StackError: the user is missing and cannot be made.
    """
    if not runs_as_root():
        return Owner(os.geteuid(), os.getegid())
    owner = find_or_make_user()
    os.chown(folder, owner.user_id, owner.group_id)
    folder.chmod(0o700)
    for parent in (*folder.parents, *installation.parents):
        add_mode(parent, stat.S_IXOTH)
    # The libraries that the wheel's programs are linked with lie beside the package, under the wheel's name.
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    for tree in filter(Path.exists, (installation, libraries)):
        for path in (tree, *tree.rglob("*")):
            runnable = path.stat().st_mode & stat.S_IXUSR
            add_mode(path, stat.S_IROTH | (stat.S_IXOTH if runnable else 0))
    return owner


def find_or_make_user() -> Owner:
    """Return the server's user, making it when it is missing; several callers may do so at the same time."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    advice = "run as an ordinary user, or make that user yourself"
    reason = "there is no useradd"
    for _ in range(USERADD_TRIES):
        try:
            entry = pwd.getpwnam(SERVER_USER)
            return Owner(entry.pw_uid, entry.pw_gid)
        except KeyError:
            if useradd:
                options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
                made = subprocess.run([useradd, *options, SERVER_USER], capture_output=True, text=True, check=False)
                reason = made.stderr.strip()
                time.sleep(0.3 if made.returncode else 0)
    raise StackError(
        f"PostgreSQL refuses to run as root, and its user {SERVER_USER} cannot be made ({reason}): {advice}."
    )


def add_mode(path: Path, bits: int) -> None:
    """Add permission bits where they are missing."""
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def make_private_folder(path: Path, owner: Owner) -> None:
    """Make a folder for the server's user alone, at a place where others may write.

    :raises StackError: the name is taken by something that belongs to another user.
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
