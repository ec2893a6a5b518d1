"""Times what is done several times, and has PostgreSQL explain the statements that it sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg

RUNS = 5


@dataclass(frozen=True)
class Statement:
    """A statement that was sent, with what was bound to it."""

    text: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Timing:
    """How long each run took, in milliseconds, and what it sent."""

    name: str
    runs: tuple[float, ...]
    statements: tuple[Statement, ...]

    @property
    def median(self) -> float:
        """The median in milliseconds."""
        return median(self.runs)


def measure(
    name: str, act: Callable[[], object], is_wanted: Callable[[Statement], bool] = lambda statement: True
) -> Timing:
    """Do it once to warm up, then RUNS times with the clock running.

    :param is_wanted: whether a statement that it sends is needed for the plans
    """
    with noting() as statements:
        act()
    runs = tuple(milliseconds(act) for _ in range(RUNS))
    return Timing(name, runs, tuple(filter(is_wanted, statements)))


def milliseconds(act: Callable[[], object]) -> float:
    """How long it takes once."""
    begun = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - begun)


@contextmanager
def noting() -> Iterator[list[Statement]]:
    """Note each statement with named parameters that any psycopg cursor of this process executes meanwhile."""
    noted: list[Statement] = []
    original = psycopg.Cursor.execute

    def execute(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        if isinstance(params, Mapping):
            noted.append(Statement(query if isinstance(query, str) else bytes(query).decode(), dict(params)))
        return original(self, query, params, **options)

    psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    try:
        yield noted
    finally:
        psycopg.Cursor.execute = original  # type: ignore[method-assign]


def explain(connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> Iterator[tuple[Statement, str]]:
    """The plan by which PostgreSQL executes each statement, with times and buffers, in one transaction.

    Statements that set something are executed, so that those after them have the plans that they have in truth. The
    transaction is read only: nothing that a statement writes is wanted here.
    """
    with connection.transaction():
        connection.execute("set transaction read only")
        for statement in statements:
            if "set_config(" in statement.text:
                connection.execute(statement.text.encode(), statement.parameters)
                continue
            query = f"explain (analyze, buffers, settings) {statement.text}"
            rows = connection.execute(query.encode(), statement.parameters, prepare=False).fetchall()
            yield statement, "\n".join(str(row[0]) for row in rows)
