"""The one exception that is meant for the person at the keyboard."""


class InputError(Exception):
    """Something a user gave is wrong.

    The message says which file, which line or record, what was found, what was expected and what to do.
    Scripts print it without a traceback.
    """
