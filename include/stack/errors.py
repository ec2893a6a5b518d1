"""Base error of the local stack."""


class StackError(RuntimeError):
    """Base of the stack's errors; commands print the text without a traceback."""
