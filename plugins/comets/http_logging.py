"""Suppression of the logs of HTTP libraries.

urllib3 quotes response headers that it can't parse, and a server can echo the API key there; its DEBUG lines contain
URLs and redirects. Suppressed in code because Airflow's logging configuration belongs to the user.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LIBRARIES = frozenset({"apprise", "charset_normalizer", "http", "requests", "requests_toolbelt", "urllib3"})

_is_suppressed: ContextVar[bool] = ContextVar("is_suppressed", default=False)


class _SuppressionFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_suppressed.get()


_FILTER = _SuppressionFilter()


@contextmanager
def suppress_http_logging() -> Iterator[None]:
    """Drop all log records of HTTP libraries in this thread; other threads continue to log."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _LIBRARIES:
            # Set on every logger because filters do not apply to records of child loggers.
            logging.getLogger(name).addFilter(_FILTER)
    token = _is_suppressed.set(True)
    try:
        yield
    finally:
        _is_suppressed.reset(token)
