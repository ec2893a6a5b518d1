"""Which way of failing an error of psycopg is, in words that help and hold no password."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from comets.errors import (
    DatabaseError,
    DatabaseRefusedError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    TransientDatabaseError,
)
from comets.settings import GRANT_FILE, SCHEMA_FILE

# The words of PostgreSQL, PgBouncer and Supabase's pooler: before a login libpq hands on no SQLSTATE. Words that nobody
# knows (another language, say) count as "away", which costs a few tries and gives up with those words.
_REFUSALS = (
    (
        re.compile(
            r"(password|SASL|SCRAM|Ident|Peer|LDAP|GSSAPI) authentication failed|no password supplied|no such user"
            r"|Tenant or user not found|role \"[^\"]*\" does not exist|not permitted to log in|password is required",
            re.IGNORECASE,
        ),
        "refuses the login",
        "Correct login and password of the connection",
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
        "Correct sslmode in the connection's extra (hosted databases want `require`), or the server's own rules",
    ),
    (
        re.compile(r"invalid connection option|connection is bad: invalid", re.IGNORECASE),
        "cannot be asked: libpq does not understand the connection",
        "Correct the connection and its extra",
    ),
)
_TRY_AGAIN = "Nothing of this transaction was stored, and the task is tried again."


def describe_refusal(error: psycopg.Error, place: str, secret: str | None = None) -> DatabaseError:
    """Say why no connection came about.

    :param place: the database and the Airflow connection, for a person
    :param secret: the password; should the server's words contain it, it is blotted out
    """
    words = " ".join(str(error).split())
    if secret:
        words = words.replace(secret, "***")
    for pattern, verdict, advice in _REFUSALS:
        if pattern.search(words):
            return DatabaseRefusedError(f"The server of {place} {verdict}: {words}. {advice}, then clear this task.")
    return DatabaseUnavailableError(
        f"No connection to {place}: {words}. Check that the server runs and that this machine may reach it; the task "
        "is tried again."
    )


def translate(error: BaseException, place: str, step: str, secret: str | None = None) -> DatabaseError | None:
    """Say what an error of psycopg means for a person; None when it is a fault of the SQL or of the data.

    :param place: as for :func:`describe_refusal`
    :param step: what was being executed
    """
    if not isinstance(error, psycopg.Error):
        return None
    words = " ".join(str(error).split())
    match error:
        case errors.LockNotAvailable():
            return DatabaseTimeoutError(
                f"{step} waited too long for a lock in {place}: {words}. Another session holds it: a step of another "
                "run, setup_database.sql, or somebody's open transaction. " + _TRY_AGAIN + " If it comes again, look "
                "for the session in pg_stat_activity (state `idle in transaction`, or an old xact_start) and end it."
            )
        case errors.QueryCanceled():
            return DatabaseTimeoutError(
                f"{step} was ended by {place}: {words}. " + _TRY_AGAIN + " If it comes again, give the task a longer "
                "execution_timeout, which the statement's time is derived from, or the server more power."
            )
        case errors.DeadlockDetected() | errors.SerializationFailure() | errors.TransactionTimeout():
            return TransientDatabaseError(f"{step} met another session in {place}: {words}. " + _TRY_AGAIN)
        case errors.InsufficientPrivilege():
            return DatabaseError(
                f"{step} lacks a right in {place}: {words}. Run {GRANT_FILE} as the owner of the tables, then clear "
                "this task.",
                GRANT_FILE,
            )
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.UndefinedFunction():
            return DatabaseError(
                f"{step} misses something in {place}: {words}. Run {SCHEMA_FILE} on it, then clear this task.",
                SCHEMA_FILE,
            )
        case errors.ReadOnlySqlTransaction():
            return DatabaseError(
                f"{place} takes no changes: {words}. It is a replica, or its host has locked it (a full disk, "
                "say). Put that right, then clear this task."
            )
        case psycopg.OperationalError() | psycopg.InterfaceError() if error.sqlstate is None:
            return describe_refusal(error, place, secret)
        case psycopg.OperationalError():
            return DatabaseUnavailableError(f"{place} failed {step}: {words}. " + _TRY_AGAIN)
        case psycopg.ProgrammingError() if error.sqlstate is None and "connection option" in words:
            return describe_refusal(error, place, secret)
    return None
