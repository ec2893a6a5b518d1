"""HTTP libraries, kept from logging what they send and receive.

urllib3 warns about response headers that it cannot parse and quotes them, and a server can echo the API key there. Its
DEBUG lines hold URLs and places of redirects. All of it is closed here, as Airflow's logging configuration is not this
package's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TALKATIVE = frozenset({"apprise", "charset_normalizer", "http", "requests", "requests_toolbelt", "urllib3"})

_is_exchanging: ContextVar[bool] = ContextVar("is_exchanging", default=False)


class _Silence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_exchanging.get()


_SILENCE = _Silence()


@contextmanager
def suppress_http_logging() -> Iterator[None]:
    """Drop what HTTP libraries log in this thread meanwhile, at every level; other threads go on logging."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _TALKATIVE:
            # A logger's filter sees what is logged to it, not what its children log; adding one twice does nothing.
            logging.getLogger(name).addFilter(_SILENCE)
    token = _is_exchanging.set(True)
    try:
        yield
    finally:
        _is_exchanging.reset(token)
