"""Airflow's own command line with all that it needs; behind `make airflow` and the `airflow` wrapper."""

import shlex
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

from include.stack.components import airflow_command, with_own_programs
from include.stack.environment import resolve
from include.stack.keeper import parent_death_signal
from include.stack.services import airflow_services, databases

# They read no database, so nothing is started for them.
COMMANDS_WITHOUT_DATABASE = frozenset({"version", "config", "cheat-sheet"})
# They make or change the database's tables themselves.
COMMANDS_ON_THE_DATABASE = frozenset({"db"})


def run_airflow(arguments: Sequence[str]) -> int:
    """Run Airflow with the caller's input and output and return its exit code."""
    environment = resolve()
    with ExitStack() as stack:
        if needs_nothing(arguments):
            pass
        elif arguments[0] in COMMANDS_ON_THE_DATABASE:
            stack.enter_context(databases(environment))
        else:
            stack.enter_context(airflow_services(environment))
        return run_in_foreground(airflow_command(*arguments), with_own_programs(environment.variables))


def run_airflow_line(arguments: Sequence[str]) -> int:
    """Run Airflow with the arguments of one text, in which quotes and backslashes mean what they mean to a shell."""
    return run_airflow(shlex.split(" ".join(arguments)))


def needs_nothing(arguments: Sequence[str]) -> bool:
    """Tell whether a command line only shows something that is known without a database."""
    is_help = any(argument in {"-h", "--help"} for argument in arguments)
    return not arguments or is_help or arguments[0] in COMMANDS_WITHOUT_DATABASE


def run_in_foreground(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a program as if it had been called directly; return its exit code, 128 + signal when a signal ended it.

    A Ctrl-C reaches the program by itself, which belongs to the same terminal; other stop signals are passed on.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(
            command,
            env=variables,
            # A parent that was killed cannot pass anything on. It has one thread, so preexec_fn is safe.
            preexec_fn=prepare_child,
        )
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: child.send_signal(received))
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
    return code if code >= 0 else 128 - code


def prepare_child() -> None:
    """Give the program the usual Ctrl-C, and an end when this process is killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    request = parent_death_signal(signal.SIGTERM)
    if request is not None:
        request()
