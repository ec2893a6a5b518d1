"""Ends the process of a task by SIGKILL at every point where no process of that task has died yet.

Airflow imports a module of this name in all of its processes, if one is on their PYTHONPATH. While the folder named by
COMETS_TEST_DEATHS has a folder named like a task, the task's process dies just before it sends a statement or a commit
to the creators' database or a request to TikHub, while it waits for TikHub's answer, and when all is done. The first
process that gets to a point claims it by making a file there, so each point costs one try, of whichever mapped instance
it is; the next try gets further.
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

FOLDER_VARIABLE = "COMETS_TEST_DEATHS"
STRIDE = 1 if os.environ.get("COMETS_TEST_PROFILE") == "long" else 4
"""Of the statements in SQL steps, and of those elsewhere that only read, one in so many is a point; of all else that a
task does, everything is."""

WRITING = re.compile(r"^\s*(insert|update|delete)\b", re.MULTILINE)

# To die before a "begin" is to die after the statement before it.
COMMANDS = {"commit": "commit", "begin": None, "rollback": None}

MOST_DEATHS = 18
"""Of one task instance in one run: a try must be left that lives (see MAX_RETRIES)."""

POINT_OF_A_WORKER = "extract_videos: wait for the answer, first time"
"""Here the supervisor dies with the task, as when a machine is lost: the parent is a worker of LocalExecutor."""

IMPORTED_BY_THE_DAG = (
    "airflow.providers.common.sql.operators.sql",
    "airflow.providers.postgres.hooks.postgres",
    "comets.operators.extract_videos",
    "comets.operators.report",
    "comets.operators.roll_call",
    "comets.operators.defaults",
)

_passed: Counter[tuple[int, str]] = Counter()


def mortal(function: Callable[..., Any], describe: Callable[..., str | None]) -> Callable[..., Any]:
    """Let a function begin only if its process may live on."""

    def live_or_die(*arguments: Any, **named: Any) -> Any:
        point = describe(*arguments, **named)
        if point is not None:
            pass_point(point)
        return function(*arguments, **named)

    return live_or_die


def pass_point(point: str) -> None:
    """Go on, or die if nobody of this task has died here; a process's first visit and its later ones are two points."""
    root = Path(os.environ[FOLDER_VARIABLE])
    instance = running_task_instance() if root.is_dir() else None
    if instance is None or instance.try_number > MOST_DEATHS:
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
    """The task instance that this process works for; None in all other processes of Airflow."""
    from airflow.sdk import get_current_context

    try:
        return get_current_context()["ti"]
    except RuntimeError:
        return None


def statement_point(cursor: Any, statement: Any, *_arguments: Any, **_named: Any) -> str | None:
    """Name a statement by how it begins; None where nobody dies.

    Which ones are left out is told by their place in a step of SQL, and by their text elsewhere.
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
    """Name what psycopg sends by itself."""
    return COMMANDS.get(command.decode().lower()) if isinstance(command, bytes) else None


def import_what_tasks_need() -> None:
    """Import once for all tasks; not while this module is imported, when Airflow itself is still being imported."""
    for name in IMPORTED_BY_THE_DAG:
        importlib.import_module(name)


psycopg.Cursor.execute = mortal(psycopg.Cursor.execute, statement_point)  # type: ignore[method-assign]
psycopg.Cursor.executemany = mortal(psycopg.Cursor.executemany, statement_point)  # type: ignore[method-assign]
psycopg.Connection.close = mortal(psycopg.Connection.close, lambda _connection: "end")  # type: ignore[method-assign]
BaseConnection._exec_command = mortal(BaseConnection._exec_command, command_point)  # type: ignore[method-assign]
requests.Session.send = mortal(requests.Session.send, lambda *_, **__: "request")  # type: ignore[method-assign]
http.client.HTTPConnection.getresponse = mortal(  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse, lambda _connection: "wait for the answer"
)

# What the Dag's file imports is there already when the scheduler forks a task: two thirds of the time of a short try.
if "scheduler" in sys.argv:
    os.register_at_fork(before=import_what_tasks_need)
