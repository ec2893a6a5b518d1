"""The image's `comets-doctor` (bin/comets-doctor): check the installation from inside a container."""

import os
import sys
from tempfile import TemporaryDirectory

from include.stack.doctor import IMAGE, Case, examine, report
from include.stack.environment import resolve


def main(arguments: list[str]) -> int:
    """Print a line per check; return 1 if one has failed."""
    if arguments not in ([], ["--notice"]):
        sys.exit("usage: comets-doctor [--notice]")
    with TemporaryDirectory() as state:
        environment = resolve({**os.environ, "COMETS_STATE_DIR": state})
        return report(examine(Case(environment, IMAGE), sends_test=bool(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
