"""Error responses: what is wrong and what to do, as a page for browsers and JSON for programs, without stack traces."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from comets.errors import (
    DatabaseError,
    DatabaseRefusedError,
    DatabaseStorageError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    NewerTablesError,
)
from comets.page.parameters import ParameterError
from comets.page.rendering import json_response, render
from comets.settings import DATABASE_CONN_ID, GRANT_FILE, SCHEMA_FILE

log = logging.getLogger(__name__)

_ADMIN_HINT = "An Airflow administrator can do this; the api-server's log has the details."


@dataclass(frozen=True)
class Problem:
    """An error as the page shows it.

    :param status: HTTP status
    :param title: what happened, in a few words
    :param text: what to do
    :param retry_after: when to try again, for clients
    """

    status: int
    title: str
    text: str
    retry_after: timedelta | None = None


class NotFoundError(LookupError):
    """The requested item does not exist; the text names it."""


_INTERNAL_ERROR = Problem(
    500, "Internal error", "This is a fault of the page, not of your request. The api-server's log has the details."
)


def problem_response(request: Request, problem: Problem) -> Response:
    """Return a problem as a page, or as JSON for an export or a client that does not accept HTML."""
    path = request.url.path
    if path.endswith((".csv", ".json")) or "text/html" not in request.headers.get("accept", "text/html"):
        response = json_response({"error": problem.title, "detail": problem.text}, problem.status)
    else:
        response = render(request, "problem.html", {"problem": problem}, problem.status)
    if problem.retry_after:
        response.headers["Retry-After"] = str(problem.retry_after.seconds)
    return response


def add_error_handlers(app: FastAPI) -> None:
    """Answer each error of the app with a problem."""
    app.add_exception_handler(ParameterError, lambda request, error: problem_response(request, _invalid(error)))
    app.add_exception_handler(NotFoundError, lambda request, error: problem_response(request, _not_found(str(error))))
    app.add_exception_handler(DatabaseError, lambda request, error: problem_response(request, _database(error)))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, lambda request, _: problem_response(request, _INTERNAL_ERROR))


def _not_found(text: str) -> Problem:
    return Problem(404, "Not found", text)


def _invalid(error: Exception) -> Problem:
    return Problem(422, "Invalid address", f"{error} Correct it in the form or in the address.")


def _http_error(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    if status == 404:
        return problem_response(request, _not_found("This page does not exist."))
    response = problem_response(request, Problem(status, "Not allowed", "This page is read-only."))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


def _database(error: Exception) -> Problem:
    log.warning("The Comets page can't read the database: %s", error)
    connection = f"the Airflow connection {DATABASE_CONN_ID}"
    match error:
        case DatabaseRefusedError():
            title = "The database rejected the login"
            text = f"Correct the login, password and database of {connection}. {_ADMIN_HINT}"
        case DatabaseUnavailableError():
            title = "Can't reach the database"
            text = (
                f"Reload this page in a moment. If this persists, check that the database of {connection} is running "
                f"and that the api-server can reach it. {_ADMIN_HINT}"
            )
        case NewerTablesError():
            title = "The database is set up for a newer version"
            text = f"Deploy the newer package again, or restore the backup from before its upgrade. {_ADMIN_HINT}"
        case DatabaseTimeoutError():
            title = "The database took too long"
            text = "It may be busy with a run. Reload this page in a moment, or request fewer rows and no search."
        case DatabaseStorageError():
            title = "The database has a problem with its disk"
            text = f"Free space on it, or raise the limit of its plan, then reload this page. {_ADMIN_HINT}"
        case DatabaseError(file_to_run=file) if file == SCHEMA_FILE:
            title = "The database is not set up for this version"
            text = f"Run {SCHEMA_FILE} on it (`make setup-database`), then reload this page. {_ADMIN_HINT}"
        case DatabaseError(file_to_run=file) if file == GRANT_FILE:
            title = "The database role lacks a permission"
            text = (
                f"As the owner of the tables, run {GRANT_FILE} with the role of {connection}, then reload this page. "
                f"{_ADMIN_HINT}"
            )
        case _:
            title = "The database is not configured"
            text = f"Define or correct {connection} where the api-server finds it. {_ADMIN_HINT}"
    return Problem(503, title, text)
