"""Classify errors of psycopg as errors of this package, with texts that say what to do and contain no password."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from comets.errors import (
    DatabaseError,
    DatabaseRefusedError,
    DatabaseStorageError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    TransientDatabaseError,
)
from comets.settings import GRANT_FILE, SCHEMA_FILE

# Matched by message, because libpq passes on no SQLSTATE before the login; an unknown message counts as an outage.
_REFUSALS = (
    (
        re.compile(
            r"(password|SASL|SCRAM|Ident|Peer|LDAP|GSSAPI) authentication failed|no password supplied|no such user"
            r"|Tenant or user not found|role \"[^\"]*\" does not exist|not permitted to log in|password is required",
            re.IGNORECASE,
        ),
        "refuses the login",
        "Correct the login and password of the connection",
    ),
    (
        re.compile(
            r"database \"[^\"]*\" does not exist|no such database|permission denied for database", re.IGNORECASE
        ),
        "refuses the database's name",
        "Correct the database's name (schema) in the connection, or create that database",
    ),
    (
        re.compile(r"\bSSL\b|sslmode|certificate|no encryption|pg_hba\.conf", re.IGNORECASE),
        "refuses this kind of connection",
        "Correct sslmode in the connection's extra (hosted databases need `require`), or the rules of the server",
    ),
    (
        re.compile(r"invalid connection option|connection is bad: invalid", re.IGNORECASE),
        "was not contacted, because libpq rejects the connection",
        "Correct the connection and its extra",
    ),
)
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)
_RETRIED = "The transaction was rolled back, and the task is retried."
_NOT_RETRIED = "The transaction was rolled back, and the task is not retried."


def classify_connection_error(error: psycopg.Error, place: str, secret: str | None = None) -> DatabaseError:
    """Return the error for a failed connection.

    :param place: description of the database and its Airflow connection
    :param secret: the password, replaced by ``***`` in the server's message
    """
    message = " ".join(str(error).split())
    if secret:
        message = message.replace(secret, "***")
    if _NO_SPACE.search(message):
        return _full_disk_error(place, message)
    for pattern, problem, advice in _REFUSALS:
        if pattern.search(message):
            return DatabaseRefusedError(f"The server of {place} {problem}: {message}. {advice}, then clear this task.")
    return DatabaseUnavailableError(
        f"No connection to {place}: {message}. Check that the server runs and is reachable from this machine. The task "
        "is retried."
    )


def classify_error(error: BaseException, place: str, step: str, secret: str | None = None) -> DatabaseError | None:
    """Return the error for one of psycopg, or None when the SQL or the data is at fault.

    :param place: as for :func:`classify_connection_error`
    :param step: the executed file or task
    """
    if not isinstance(error, psycopg.Error):
        return None
    message = " ".join(str(error).split())
    match error:
        case errors.LockNotAvailable():
            return DatabaseTimeoutError(
                f"{step} waited too long for a lock in {place}: {message}. Another session holds it: a step of another "
                f"run, setup_database.sql, or an open transaction. {_RETRIED} If this persists, find the session in "
                "pg_stat_activity (state `idle in transaction`, or an old xact_start) and end it."
            )
        case errors.QueryCanceled():
            return DatabaseTimeoutError(
                f"{step} was canceled by {place}: {message}. {_RETRIED} If this persists, raise the task's "
                "execution_timeout, which sets the statement timeout, or use a faster server."
            )
        case errors.DeadlockDetected() | errors.SerializationFailure() | errors.TransactionTimeout():
            return TransientDatabaseError(f"{step} conflicted with another session in {place}: {message}. {_RETRIED}")
        case errors.InsufficientPrivilege():
            return DatabaseError(
                f"{step} lacks a right in {place}: {message}. Run {GRANT_FILE} as the owner of the tables, then clear "
                "this task.",
                GRANT_FILE,
            )
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.UndefinedFunction():
            return DatabaseError(
                f"{step} misses a table, column or function in {place}: {message}. Run {SCHEMA_FILE} on it, then clear "
                "this task.",
                SCHEMA_FILE,
            )
        case errors.ReadOnlySqlTransaction():
            return DatabaseError(
                f"{place} is read-only: {message}. It is a replica, or its host has locked it (for example because "
                "the disk is full). Fix that, then clear this task."
            )
        case errors.DiskFull():
            return _full_disk_error(place, f"{step} failed: {message}")
        case psycopg.OperationalError() | psycopg.InternalError() if _NO_SPACE.search(message):
            return _full_disk_error(place, f"{step} failed: {message}")
        case errors.ConfigurationLimitExceeded():
            return DatabaseStorageError(
                f"{step} reached a limit of {place}: {message}. {_NOT_RETRIED} Raise that limit (for temporary files "
                "temp_file_limit), then clear this task."
            )
        case errors.IoError() | errors.SystemError():
            return DatabaseStorageError(
                f"{place} can't use its disk, so {step} failed: {message}. {_NOT_RETRIED} Check the server's log and "
                "its disk, then clear this task."
            )
        case psycopg.OperationalError() | psycopg.InterfaceError() if error.sqlstate is None:
            return classify_connection_error(error, place, secret)
        case psycopg.OperationalError():
            return DatabaseUnavailableError(f"{place} failed during {step}: {message}. {_RETRIED}")
        case psycopg.ProgrammingError() if error.sqlstate is None and "connection option" in message:
            return classify_connection_error(error, place, secret)
    return None


def _full_disk_error(place: str, failure: str) -> DatabaseStorageError:
    return DatabaseStorageError(
        f"The disk of {place} is full. {failure}. {_NOT_RETRIED} Free space on the server's disk, or raise its plan's "
        "limit, then clear this task. comet_videos, comet_profiles and comet_calls grow most: a shorter "
        "retention.landing_days and a run of comet_maintenance limit the first two."
    )
