"""The one exception that is meant for the person at the keyboard, and errors that are no fault of the code."""

import errno
from collections.abc import Iterable

# the disk is full, a quota is used up, or a file passes a limit on its size
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InputError(Exception):
    """Something a user gave is wrong.

    The message says which file, which line or record, what was found, what was expected and what to do.
    Scripts print it without a traceback.
    """


SHOWN = 5


def few(names: Iterable[str]) -> str:
    """The first names of a list for a message, and how many more there are."""
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
