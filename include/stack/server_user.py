"""The embedded PostgreSQL's user: the caller or, as PostgreSQL refuses root, a system user.

That user must reach the cluster and the wheel's programs, which may be below `/root`. Where missing, parent folders get
`o+x`, which does not allow listing or reading, and the wheel's public files get `o+r`.
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
    """Ids of the user and group that own the cluster."""

    user_id: int
    group_id: int


def runs_as_root() -> bool:
    """Return whether the caller is root, so that the server needs another user."""
    return os.geteuid() == 0


def server_identity() -> dict[str, Any]:
    """Return the `subprocess` options that run a program as the server's user."""
    return {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if runs_as_root() else {}


def prepare_server_user(folder: Path, installation: Path) -> Owner:
    """Ensure that the server's user exists, owns `folder` and can run the programs in `installation`.

    :raises StackError: the user cannot be created.
    """
    if not runs_as_root():
        return Owner(os.geteuid(), os.getegid())
    owner = ensure_user()
    os.chown(folder, owner.user_id, owner.group_id)
    folder.chmod(0o700)
    for parent in (*folder.parents, *installation.parents):
        add_mode(parent, stat.S_IXOTH)
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    for tree in filter(Path.exists, (installation, libraries)):
        for path in (tree, *tree.rglob("*")):
            runnable = path.stat().st_mode & stat.S_IXUSR
            add_mode(path, stat.S_IROTH | (stat.S_IXOTH if runnable else 0))
    return owner


def ensure_user() -> Owner:
    """Return the server's user; create it if missing. Concurrent calls are safe."""
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    advice = "Run as an ordinary user, or create that user"
    reason = "useradd is not installed"
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
        f"PostgreSQL does not run as root, and its user {SERVER_USER} cannot be created ({reason}). {advice}."
    )


def add_mode(path: Path, bits: int) -> None:
    """Add missing permission bits."""
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def make_private_folder(path: Path, owner: Owner) -> None:
    """Create a private folder for the server's user in a shared place.

    :raises StackError: the path exists and is not a folder of this user.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner.user_id, os.geteuid()):
            raise StackError(f"{path} exists and is not a folder of this user") from None
    path.chmod(0o700)
    if runs_as_root():
        os.chown(path, owner.user_id, owner.group_id)
