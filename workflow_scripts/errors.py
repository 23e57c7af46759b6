"""The one exception that is meant for the person at the keyboard, and what is told of other people's."""


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, the key or row, and what was expected.
    """


def first_line(error: Exception) -> str:
    """What an exception says in its first line, without a full stop; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
