"""Why a benchmark can't measure what it is about."""

from __future__ import annotations

from include.stack.errors import StackError


class BenchmarkError(StackError):
    """A benchmark can't measure what it is about; the text says what happened."""
