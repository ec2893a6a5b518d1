"""What goes wrong in a way that a person can be told in a few words."""


class StackError(RuntimeError):
    """Base of the stack's errors: the text is for a person and is shown without a traceback."""
