"""Command line: `python -m include.stack COMMAND`. The Makefile is the usual way to it."""

import importlib
import logging
import sys
from collections.abc import Callable, Sequence

from include.stack.errors import StackError
from include.stack.output import note
from include.stack.project import PROJECT

USAGE = """usage: python -m include.stack COMMAND

  demo                     run the main job once, from nothing to a leaderboard
  up                       serve the whole stack with Airflow's UI until Ctrl-C
  distributed              the same with Redis and two Celery workers
  airflow ARGUMENTS...     Airflow's command line, with what it needs around it
  airflow-line "ARGUMENTS" the same with all arguments in one text, quoted as for a shell
  env                      print the environment as `export` lines
  backfill FROM TO         run the days from FROM to TO (YYYY-MM-DD) on the running stack
  setup-database           run include/sql/setup_database.sql on the creators' database
  clean                    remove databases, logs and keys"""

COMMANDS = {
    "demo": "demo:run_demo",
    "up": "up:run_up",
    "distributed": "distributed:run_distributed",
    "airflow": "airflow_cli:run_airflow",
    "airflow-line": "airflow_cli:run_airflow_line",
    "env": "environment_output:run_env",
    "backfill": "backfill:run_backfill",
    "setup-database": "services:run_setup_database",
    "clean": "cleaning:run_clean",
}

Command = Callable[[Sequence[str]], int]


def main(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not arguments or arguments[0] not in COMMANDS:
        print(USAGE, file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        return load(COMMANDS[arguments[0]])(arguments[1:])
    except StackError as error:
        note(f"Error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def load(name: str) -> Command:
    """Find a command's function; its modules are imported only now, which keeps the others quick."""
    module, function = name.split(":")
    # Airflow puts plugins/ on the path by itself; commands read the package's settings too.
    plugins = str(PROJECT / "plugins")
    if plugins not in sys.path:
        sys.path.append(plugins)
    command: Command = getattr(importlib.import_module(f"include.stack.{module}"), function)
    return command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
