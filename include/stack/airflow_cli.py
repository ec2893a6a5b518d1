"""Airflow's CLI with its databases and the sandbox; used by `make airflow` and the `airflow` wrapper."""

import signal
import subprocess
from collections.abc import Mapping, Sequence

from include.stack.environment import resolve_for_runs
from include.stack.interrupts import STOP_SIGNALS
from include.stack.processes import Processes, airflow_command, with_own_programs
from include.stack.services import airflow_databases, sandbox_parts


def run_airflow(arguments: Sequence[str]) -> int:
    """Run Airflow's CLI in the foreground; return its exit code."""
    environment = resolve_for_runs()
    with (
        airflow_databases(environment),
        Processes(environment.state, environment.variables, sandbox_parts(environment)),
    ):
        return run_in_foreground(airflow_command(*arguments), with_own_programs(environment.variables))


def run_in_foreground(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program in the foreground; return its exit code, or 128 + signal if a signal ended it.

    The terminal sends Ctrl-C to the program itself; other stop signals are forwarded.
    """
    with subprocess.Popen(command, env=variables) as child:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: child.send_signal(received))
        try:
            code = child.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else 128 - code
