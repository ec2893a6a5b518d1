"""Kill a task's process with SIGKILL at every point where no process of that task was killed before.

Airflow imports a module of this name in all of its processes. A task is killed while the folder in COMETS_TEST_CRASHES
has a subfolder with its id: before each statement, commit and request, while it waits for a response, and at its end.
The first process at a point claims it by creating a file, so each point costs one try.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import requests
from psycopg._connection_base import BaseConnection

FOLDER_VARIABLE = "COMETS_TEST_CRASHES"
STRIDE = 1 if os.environ.get("COMETS_TEST_PROFILE") == "long" else 4
"""One in so many statements of SQL steps, and of reading statements elsewhere, is a point; everything else is."""

WRITING = re.compile(r"^\s*(insert|update|delete)\b", re.MULTILINE)

# A crash before "begin" equals one after the previous statement.
COMMANDS = {"commit": "commit", "begin": None, "rollback": None}

MAX_CRASHES = 18
"""Per task instance and run; one try must remain (see MAX_RETRIES)."""

POINT_OF_A_WORKER = "extract_videos: wait for the answer, first time"
"""Here the supervisor, a worker of LocalExecutor, is killed too, as if a machine were lost."""

IMPORTED_BY_THE_DAG = (
    "airflow.providers.common.sql.operators.sql",
    "airflow.providers.postgres.hooks.postgres",
    "comets.operators.extract_videos",
    "comets.operators.report",
    "comets.operators.roll_call",
    "comets.operators.defaults",
)

_passed: Counter[tuple[int, str]] = Counter()


def crashable(function: Callable[..., Any], describe: Callable[..., str | None]) -> Callable[..., Any]:
    """Wrap a function to crash before it at unclaimed points."""

    def crash_or_call(*arguments: Any, **named: Any) -> Any:
        point = describe(*arguments, **named)
        if point is not None:
            crash_or_pass(point)
        return function(*arguments, **named)

    return crash_or_call


def crash_or_pass(point: str) -> None:
    """Crash if this task has not crashed at this point; a process's first and later visits are two points."""
    root = Path(os.environ[FOLDER_VARIABLE])
    instance = running_task_instance() if root.is_dir() else None
    if instance is None or instance.try_number > MAX_CRASHES:
        return
    folder = root / instance.task_id
    if not folder.is_dir():
        return
    process = os.getpid()
    _passed[process, point] += 1
    point = f"{instance.task_id}: {point}, {'first' if _passed[process, point] == 1 else 'later'} time"
    try:
        with (folder / hashlib.sha256(point.encode()).hexdigest()).open("x") as record:
            facts = {"point": point, "task_id": instance.task_id, "try_number": instance.try_number}
            json.dump(facts, record)
    except FileExistsError:
        return
    if point == POINT_OF_A_WORKER:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(process, signal.SIGKILL)


def running_task_instance() -> Any:
    """Return the task instance of this process; None in other processes of Airflow."""
    from airflow.sdk import get_current_context

    try:
        return get_current_context()["ti"]
    except RuntimeError:
        return None


def statement_point(cursor: Any, statement: Any, *_arguments: Any, **_named: Any) -> str | None:
    """Return the point of a statement; None if it is left out.

    Statements of SQL steps are left out by their position, others by their text.
    """
    text = statement if isinstance(statement, str) else repr(statement)
    words = " ".join(text.replace("-- ", "").split())
    if words.lower() in COMMANDS:
        return COMMANDS[words.lower()]
    digest = hashlib.sha256(text.encode()).hexdigest()
    place = 0 if WRITING.search(text) else int(digest, 16)
    if not cursor.connection.autocommit:
        place = _passed[os.getpid(), "statement of a step"]
        _passed[os.getpid(), "statement of a step"] += 1
    return f"statement {digest[:4]} {words[:60]!r}" if place % STRIDE == 0 else None


def command_point(_connection: Any, command: Any) -> str | None:
    """Return the point of a command that psycopg sends itself."""
    return COMMANDS.get(command.decode().lower()) if isinstance(command, bytes) else None


def import_what_tasks_need() -> None:
    """Import the Dag's modules before tasks fork; this module runs too early, while Airflow is being imported."""
    for name in IMPORTED_BY_THE_DAG:
        importlib.import_module(name)


psycopg.Cursor.execute = crashable(psycopg.Cursor.execute, statement_point)  # type: ignore[method-assign]
psycopg.Cursor.executemany = crashable(psycopg.Cursor.executemany, statement_point)  # type: ignore[method-assign]
psycopg.Connection.close = crashable(psycopg.Connection.close, lambda _connection: "end")  # type: ignore[method-assign]
BaseConnection._exec_command = crashable(BaseConnection._exec_command, command_point)  # type: ignore[method-assign]
requests.Session.send = crashable(requests.Session.send, lambda *_, **__: "request")  # type: ignore[method-assign]
http.client.HTTPConnection.getresponse = crashable(  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse, lambda _connection: "wait for the answer"
)

# Saves two thirds of the time of a short try.
if "scheduler" in sys.argv:
    os.register_at_fork(before=import_what_tasks_need)
