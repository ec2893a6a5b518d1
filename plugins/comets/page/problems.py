"""Answers that say what is wrong and what to do: a page for people, JSON for programs. Never a stack trace."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from comets.errors import DatabaseError, DatabaseRefusedError, DatabaseTimeoutError, DatabaseUnavailableError
from comets.page.parameters import ParameterError
from comets.page.rendering import json_response, render
from comets.settings import DATABASE_CONN_ID, GRANT_FILE, SCHEMA_FILE

log = logging.getLogger(__name__)

_NEW_SHELL = "An administrator of Airflow can do that; the api-server's log has the details."


@dataclass(frozen=True)
class Problem:
    """What is wrong, for a person.

    :param status: of HTTP
    :param title: what happened, in a few words
    :param text: what to do
    """

    status: int
    title: str
    text: str


class NotFoundError(LookupError):
    """Something that was asked for does not exist; the text says what."""


def problem_page(request: Request, problem: Problem) -> Response:
    """The answer that shows a problem."""
    path = request.url.path
    if path.endswith((".csv", ".json")) or "text/html" not in request.headers.get("accept", "text/html"):
        return json_response({"error": problem.title, "detail": problem.text}, problem.status)
    return render(request, "problem.html", {"problem": problem}, problem.status)


def add_handlers(app: FastAPI) -> None:
    """Have every error of the app answered by a problem."""
    app.add_exception_handler(ParameterError, lambda request, error: problem_page(request, _of_parameter(error)))
    app.add_exception_handler(NotFoundError, lambda request, error: problem_page(request, _not_found(str(error))))
    app.add_exception_handler(DatabaseError, lambda request, error: problem_page(request, _of_database(error)))
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, lambda request, _: problem_page(request, _FAULT))


_FAULT = Problem(
    500,
    "This page has failed",
    "That is a fault of the page, not of what you did. The api-server's log has the details.",
)


def _not_found(text: str) -> Problem:
    return Problem(404, "Not found", text)


def _of_parameter(error: Exception) -> Problem:
    return Problem(422, "The address is wrong", f"{error} Correct it in the form or in the address.")


def _http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    if status == 404:
        return problem_page(request, _not_found("There is no such page here."))
    answer = problem_page(request, Problem(status, "Not possible", "This page can be read only."))
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _of_database(error: Exception) -> Problem:
    log.warning("The page Comets could not use the creators' database: %s", error)
    connection = f"the Airflow connection {DATABASE_CONN_ID}"
    match error:
        case DatabaseRefusedError():
            title = "The creators' database refuses the login"
            text = f"Correct login, password and database of {connection}. {_NEW_SHELL}"
        case DatabaseUnavailableError():
            title = "The creators' database is away"
            text = (
                f"Reload this page in a moment. If it stays so: check that the database of {connection} runs and that "
                f"the api-server may reach it. {_NEW_SHELL}"
            )
        case DatabaseTimeoutError():
            title = "The creators' database took too long"
            text = "It may be busy with a run. Reload this page in a moment, or ask for less: fewer rows, no search."
        case DatabaseError(file_to_run=file) if file == SCHEMA_FILE:
            title = "The creators' database is not set up for this version"
            text = f"Run {SCHEMA_FILE} on it (`make setup-database`), then reload this page. {_NEW_SHELL}"
        case DatabaseError(file_to_run=file) if file == GRANT_FILE:
            title = "The creators' database does not let this page read"
            text = (
                f"The role of {connection} lacks a right: as the owner of the tables run {GRANT_FILE} with its name, "
                f"then reload this page. {_NEW_SHELL}"
            )
        case _:
            title = "The creators' database is not configured"
            text = f"Define or correct {connection} where the api-server finds it. {_NEW_SHELL}"
    return Problem(503, title, text)
