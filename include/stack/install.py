"""Makes the virtual environment and installs a lock file into it: `python -m include.stack.install LOCK STAMP`.

Run by the Makefile with a Python of the system, so only the standard library is there. uv installs a lock many times
faster than pip; should it fail, pip installs the same lock.
"""

import os
import shutil
import sys
from pathlib import Path

from include.stack.packages import ENVIRONMENT, LOCAL_PYTHON, LOCAL_UV, pip_settings_for_uv, run

UV_LOCK = Path(__file__).with_name("uv.txt")


def main(lock: str, stamp: str) -> int:
    """Install a lock file; the stamp file says that it is complete."""
    Path(stamp).unlink(missing_ok=True)
    if not make_environment():
        return 1
    say(f"Installing {lock} into {ENVIRONMENT}; the first time this takes a minute or more.")
    if not (install_uv() and install_with_uv(lock)) and not install_with_pip(lock):
        say(f"Error: {lock} could not be installed.")
        return 1
    Path(stamp).touch()
    return 0


def make_environment() -> bool:
    """Make the virtual environment, anew when it is incomplete or its Python is gone."""
    if (
        LOCAL_PYTHON.exists()
        and run([LOCAL_PYTHON, "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]).returncode == 0
    ):
        return True
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    result = run([sys.executable, "-m", "venv", ENVIRONMENT])
    if result.returncode:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        say(result.stdout.strip())
        say(f"Error: {sys.executable} cannot make a virtual environment.")
        say("On Debian and Ubuntu the package python3-venv is missing then: apt-get install python3-venv")
    return result.returncode == 0


def install_uv() -> bool:
    """Install uv with pip, as its lock says."""
    return (
        run([LOCAL_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(UV_LOCK)]).returncode == 0
    )


def install_with_uv(lock: str) -> bool:
    """Install a lock file with uv."""
    command = [
        str(LOCAL_UV),
        "pip",
        "install",
        "--quiet",
        "--python",
        str(LOCAL_PYTHON),
        "--require-hashes",
        "-r",
        lock,
    ]
    # Airflow starts many processes; where bytecode may not be written, each would compile the same files again.
    command.append("--compile-bytecode")
    return run(command, {**pip_settings_for_uv(), **os.environ}).returncode == 0


def install_with_pip(lock: str) -> bool:
    """Install a lock file with pip, and show what it says if it fails."""
    result = run([LOCAL_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock])
    if result.returncode:
        say(result.stdout.strip())
    return result.returncode == 0


def say(text: str) -> None:
    """Print to where it does not mix with a command's result."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
