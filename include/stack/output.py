"""Plain lines for a person: no colours and no moving cursor, so that they read the same in a file."""

import sys


def say(text: str = "") -> None:
    """Print a line of the command's result."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a line about what happens, where it cannot be mistaken for the result."""
    print(text, file=sys.stderr, flush=True)
