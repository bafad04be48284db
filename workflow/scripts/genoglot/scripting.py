"""What every workflow script shares: a log file that also reaches the terminal, and errors in words."""

import faulthandler
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from genoglot.errors import NO_SPACE, InputError
from genoglot.processes import is_first

STDERR = 2
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def logged(log: str | Path, origins: Mapping[str, str] | None = None) -> Iterator[logging.Logger]:
    """Run a script's body with logging to `log` and to stderr.

    An `InputError` ends the script with exit status 1 and its message alone, and so does a disk that is full; any
    other exception keeps its traceback, which goes to the log too. `origins` maps the path of a temporary copy to
    what the user knows the file by: messages name that.

    What else is written to stderr goes to the log alone: by libraries in C, by child processes, by Python when it
    crashes. Of several processes that run a script together, the first alone has the log; what the others warn of goes
    to their stderr, which is the log too where the first has started them.
    """
    path = Path(log)
    root = logging.getLogger()
    for handler in _handlers(path):
        handler.setFormatter(logging.Formatter(LOG_FORMAT, datefmt="%Y-%m-%d %H:%M:%S"))
        root.addHandler(handler)
    root.setLevel(logging.INFO if is_first() else logging.WARNING)
    logging.captureWarnings(True)
    stderr = _stderr_into(path) if is_first() else nullcontext()
    try:
        with stderr:
            yield logging.getLogger("genoglot")
    except InputError as error:
        message = str(error)
        for copy, origin in (origins or {}).items():
            message = message.replace(copy, origin)
        root.error("%s", message)
        raise SystemExit(1) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            root.error("%s", _no_space(error))
            raise SystemExit(1) from None
        if is_first():
            with open(path, "a") as handle:
                traceback.print_exc(file=handle)
        raise


def _handlers(path: Path) -> list[logging.Handler]:
    if not is_first():
        return [logging.StreamHandler(sys.stderr)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    # a descriptor of its own, since that of stderr is about to lead elsewhere
    terminal = os.fdopen(os.dup(STDERR), "w", buffering=1)
    return [logging.FileHandler(path, mode="a"), logging.StreamHandler(terminal)]


@contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    """Have the descriptor of stderr, which native code and child processes write to, lead to the end of a file."""
    sys.stderr.flush()
    before = os.dup(STDERR)
    log = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, STDERR)
    os.close(log)
    faulthandler.enable(STDERR)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, STDERR)
        os.close(before)


def _no_space(error: OSError) -> str:
    name = f" {error.filename}" if error.filename else ""
    return (
        f"{error.strerror}: a file{name} could not be written whole, and what there was of it has been removed; make "
        "room on the disk of the results, or move them by the configuration's pathvars, and run again"
    )
