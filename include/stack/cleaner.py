"""Clean Airflow's own database daily: `python -m include.stack.cleaner`, a process of the running stack."""

import subprocess
import time

from include.stack.metadata import clean_arguments
from include.stack.output import note
from include.stack.processes import airflow_command

# The start is busy enough.
FIRST_SECONDS = 600
DAY_SECONDS = 24 * 3600


def main() -> None:
    """Clean the database soon after the start, and every day from then on."""
    time.sleep(FIRST_SECONDS)
    while True:
        clean()
        time.sleep(DAY_SECONDS)


def clean() -> int:
    """Clean the database once, in the environment of this process; return the exit code of Airflow's CLI."""
    arguments = clean_arguments()
    if not arguments:
        return 0
    code = subprocess.run(airflow_command(*arguments), check=False).returncode
    if code:
        note(f"airflow db clean exited with code {code}.")
    return code


if __name__ == "__main__":
    main()
