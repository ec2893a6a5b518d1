"""`make lock`: turns the loose inputs of pyproject.toml into the lock files, keeping what still fits.

python -m include.stack.lock [--upgrade]
"""

import os
import sys
from collections.abc import Sequence

from include.stack.packages import LOCAL_UV, pip_settings_for_uv, run

OPTIONS = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--quiet")
LOCKS = (
    ("pyproject.toml", "-o", "requirements.txt"),
    ("pyproject.toml", "--group", "dev", "-c", "requirements.txt", "-o", "requirements-dev.txt"),
    ("--group", "bench", "-c", "requirements-dev.txt", "-o", "requirements-bench.txt"),
)


def main(arguments: Sequence[str]) -> int:
    """Write the lock files; further arguments go to uv."""
    for lock in LOCKS:
        command = [LOCAL_UV, "pip", "compile", *lock, *OPTIONS, *arguments]
        result = run(command, {**pip_settings_for_uv(), **os.environ})
        if result.returncode:
            print(result.stdout.strip(), file=sys.stderr)
            return result.returncode
        print(f"Wrote {lock[-1]}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
