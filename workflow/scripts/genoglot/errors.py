"""The one exception that is meant for the person at the keyboard, and errors that are no fault of the code."""

import errno

# the disk is full, a quota is used up, or a file passes a limit on its size
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InputError(Exception):
    """Something a user gave is wrong.

    The message says which file, which line or record, what was found, what was expected and what to do.
    Scripts print it without a traceback.
    """
