"""The exceptions that are meant for the person at the keyboard, and the first line of other people's."""


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, the key or row, and what was expected. Raised in a step, it ends
    the run: other jobs would work on the same mistake.
    """


class JobError(InputError):
    """One job did not succeed, and others may: a service is down, a network diverges, a tile has too many failures."""


def first_line(error: Exception) -> str:
    """The first line of an exception's message, without a full stop; its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
