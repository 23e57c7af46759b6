"""The one exception that is meant for the person at the keyboard."""


class InputError(Exception):
    """Something the user gave is wrong.

    The message is one sentence that names the file, the key or row, and what was expected.
    """
