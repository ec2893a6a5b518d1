"""Runs a command in the environment that a container's settings mean: `python -m include.docker COMMAND [ARGUMENT...]`.

The image's `airflow` is a call of this (bin/airflow), so that services, health checks and `docker compose exec` all see
the same environment; an entrypoint would be there for the services only.
"""

import os
import sys

from include.docker.environment import container_environment, write_ui_password
from include.stack.environment import SettingError
from include.stack.processes import airflow_command


def main(command: list[str]) -> None:
    """Replace this process by the command; exit with a message when a setting cannot be read."""
    if not command:
        sys.exit("usage: python -m include.docker COMMAND [ARGUMENT...]")
    try:
        environment = container_environment(os.environ)
    except SettingError as error:
        sys.exit(f"The settings in .env or in the shell are wrong: {error}")
    write_ui_password(environment)
    # By its path, because the name would lead back to bin/airflow.
    program, *arguments = airflow_command(*command[1:]) if command[0] == "airflow" else command
    os.execvpe(program, [program, *arguments], environment)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
