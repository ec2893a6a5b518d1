"""The ways in which the creators' database can fail a task. comets.database_failures tells them apart."""

from __future__ import annotations


class DatabaseError(RuntimeError):
    """The creators' database can't be used until a person has changed something; the text says what.

    :param file_to_run: the SQL file of this package that puts it right, if one does
    """

    def __init__(self, text: str, file_to_run: str | None = None) -> None:
        super().__init__(text)
        self.file_to_run = file_to_run


class DatabaseRefusedError(DatabaseError):
    """The server is there and refuses the login, the database, or the kind of connection."""


class TransientDatabaseError(DatabaseError):
    """The same may succeed later: worth another try."""


class DatabaseAwayError(TransientDatabaseError):
    """The server can't be reached, takes no connection at the moment, or is gone in the middle."""


class DatabaseTimeoutError(TransientDatabaseError):
    """A statement took too long, or waited too long for a lock. Its transaction has changed nothing."""
