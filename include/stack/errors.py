"""What goes wrong in a way that fits into a few words for a person."""


class StackError(RuntimeError):
    """Base of the stack's errors: the text is for a person and is shown without a traceback."""
