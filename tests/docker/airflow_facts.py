"""Prints, as JSON, what the installed Airflow says about names that docker-compose.yaml uses.

Run in a process of its own: the answers depend on the executor, which Airflow reads when it is imported.
Arguments: a JSON list of command lines for Airflow's CLI.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stderr
from io import StringIO


def main() -> None:
    """Collect and print."""
    from airflow.configuration import conf

    options = {section: list(parts["options"]) for section, parts in conf.configuration_description.items()}
    facts = {
        "options": options,
        "refused_commands": [line for line in json.loads(sys.argv[1]) if not is_command(line)],
        "scheduler_health_port": conf.get("scheduler", "scheduler_health_check_server_port"),
    }
    print("\n" + json.dumps(facts))


def is_command(line: list[str]) -> bool:
    """Tell whether the CLI's parser takes a command line."""
    from airflow.cli.cli_parser import get_parser

    try:
        with redirect_stderr(StringIO()):
            get_parser().parse_args(line)
    except SystemExit:
        return False
    return True


if __name__ == "__main__":
    main()
