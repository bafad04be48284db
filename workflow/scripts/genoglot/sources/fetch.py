"""Get a file from an address or a path: whole, of the right checksum and of the right kind, or not at all."""

import errno
import hashlib
import logging
import re
import shutil
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.error import URLError
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from genoglot.compression import blocks, is_gzip, open_plain
from genoglot.errors import InputError
from genoglot.files import CHUNK, atomic_path

logger = logging.getLogger(__name__)

SCHEMES = ("http", "https", "ftp", "file")
DIGEST_LENGTHS = {32: "md5", 40: "sha1", 64: "sha256"}
# Refusals that may pass: too many requests, request time-out; and everything from 500 on.
PASSING_STATUS = (408, 429)
LOG_EVERY = 1 << 28


class _PassingError(Exception):
    """A failure that another attempt may not meet."""


def fetch(
    source: str, destination: str | Path, checksum: str | None = None, retries: int = 3, timeout: float = 60
) -> None:
    """Copy `source` to `destination`, verified.

    Args:
        source: http, https or ftp address, `file:` address, or a plain path.
        destination: output; it appears only when everything below holds.
        checksum: `md5:...`, `sha1:...`, `sha256:...`, or the bare hexadecimal digits, whose number tells which.
        retries: further attempts after a broken connection or a server's error, with doubling pauses from one second.
        timeout: seconds without an answer or without data before an attempt counts as failed.

    Raises:
        InputError: the scheme is unknown; the file is not there; the server refuses or keeps failing; the file is
            empty, shorter than announced, of another checksum, an HTML page, or its gzip stream does not end well.
    """
    source = str(source).strip()
    expected = parse_checksum(checksum, source) if checksum else None
    scheme = _scheme(source)
    with atomic_path(Path(destination)) as partial:
        if scheme in ("", "file"):
            found = _copy_local(source, scheme, partial, expected)
        else:
            download = _download_ftp if scheme == "ftp" else _download_http
            found = _with_retries(lambda: download(source, partial, expected, timeout), source, retries)
        _verify_content(source, partial)
        _verify_checksum(source, expected, found)
    logger.info("%s: %d bytes", source, Path(destination).stat().st_size)


def parse_checksum(checksum: str, source: str) -> tuple[str, str]:
    """Algorithm and lower-case hexadecimal digest."""
    algorithm, _, digits = checksum.strip().lower().rpartition(":")
    algorithm = algorithm or DIGEST_LENGTHS.get(len(digits), "")
    known = {name: length for length, name in DIGEST_LENGTHS.items()}
    if algorithm not in known or len(digits) != known[algorithm] or not re.fullmatch("[0-9a-f]+", digits):
        raise InputError(
            f"{source}: the checksum {checksum!r} cannot be read; expected md5:, sha1: or sha256: and "
            "32, 40 or 64 hexadecimal digits"
        )
    return algorithm, digits


def _scheme(source: str) -> str:
    """Scheme of an address; empty for a plain path."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", source)
    if not match:
        return ""
    scheme = match.group(1).lower()
    if scheme in SCHEMES:
        return scheme
    if source[match.end() :].startswith("//"):
        raise InputError(f"{source}: cannot fetch {scheme}: addresses; give http, https, ftp, file or a path")
    return ""


def _with_retries(attempt: Callable[[], str | None], source: str, retries: int) -> str | None:
    for number in range(retries + 1):
        try:
            return attempt()
        except _PassingError as error:
            if number == retries:
                raise InputError(f"{source}: {error}, in each of {retries + 1} attempts; try later") from None
            pause = 2.0**number
            logger.warning("%s: %s; again in %g s", source, error, pause)
            time.sleep(pause)
    return None


def _copy_local(source: str, scheme: str, partial: Path, expected: tuple[str, str] | None) -> str | None:
    if scheme == "file":
        address = urlsplit(source)
        if address.netloc not in ("", "localhost"):
            raise InputError(f"{source}: a file: address names no host; write file:///full/path")
        path = Path(unquote(address.path))
    else:
        path = Path(source).expanduser()
    if not path.is_file():
        kind = "that is a folder, not a file" if path.is_dir() else "there is no such file"
        raise InputError(f"{source}: {kind} (looked for {path.resolve()})")
    try:
        if expected is None:
            shutil.copyfile(path, partial)
            return None
        with open(path, "rb") as handle, open(partial, "wb") as output:
            return _pour(handle, output, expected, source)[1]
    except PermissionError as error:
        raise InputError(f"{source}: no permission to read {error.filename}") from None


def _pour(handle: BinaryIO, output: BinaryIO, expected: tuple[str, str] | None, source: str) -> tuple[int, str | None]:
    """Copy a stream; return its size in bytes and its digest, if one is expected."""
    state = hashlib.new(expected[0]) if expected else None
    size = 0
    for block in blocks(handle, CHUNK):
        output.write(block)
        if state:
            state.update(block)
        if (size + len(block)) // LOG_EVERY > size // LOG_EVERY:
            logger.info("%s: %d bytes so far", source, size + len(block))
        size += len(block)
    return size, state.hexdigest() if state else None


def _download_http(source: str, partial: Path, expected: tuple[str, str] | None, timeout: float) -> str | None:
    # Without "identity" a server may compress what it sends, and its length and checksum would be of something else.
    try:
        with requests.get(source, stream=True, timeout=timeout, headers={"Accept-Encoding": "identity"}) as response:
            _check_status(source, response)
            with open(partial, "wb") as output:
                size, found = _pour(response.raw, output, expected, source)
            _check_length(response.headers.get("Content-Length"), size)
            return found
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise InputError(f"{source}: this is not a valid address ({error})") from None
    except requests.exceptions.RequestException as error:
        raise _PassingError(f"the connection failed ({_reason(error)})") from None
    except (OSError, HTTPError) as error:
        raise _broken(error) from None


def _check_status(source: str, response: requests.Response) -> None:
    status = response.status_code
    if status == requests.codes.ok:
        return
    words = f"the server answered {status} {response.reason}"
    if status >= 500 or status in PASSING_STATUS:
        raise _PassingError(words)
    hint = "there is no such file; check the address" if status in (404, 410) else "check the address in a browser"
    raise InputError(f"{source}: {words}: {hint}")


def _check_length(announced: str | None, size: int) -> None:
    if announced is not None and int(announced) != size:
        raise _PassingError(f"only {size} of {announced} bytes came")


def _download_ftp(source: str, partial: Path, expected: tuple[str, str] | None, timeout: float) -> str | None:
    try:
        with urllib.request.urlopen(source, timeout=timeout) as response, open(partial, "wb") as output:
            size, found = _pour(response, output, expected, source)
        _check_length(response.headers.get("Content-Length"), size)
        return found
    except URLError as error:
        # FTP answers 550 for a file that is not there; urllib passes it on as text only.
        if "550" in str(error.reason):
            raise InputError(f"{source}: the server has no such file ({error.reason}); check the address") from None
        raise _PassingError(f"the connection failed ({error.reason})") from None
    except (OSError, EOFError) as error:
        raise _broken(error) from None


def _broken(error: Exception) -> Exception:
    """The error to raise when a download stops: a full disk is no reason to try again."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return error
    return _PassingError(f"the connection broke ({_reason(error)})")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _verify_content(source: str, partial: Path) -> None:
    """Refuse an empty file, a web page, and a gzip stream that does not reach its end."""
    if partial.stat().st_size == 0:
        raise InputError(f"{source}: the file is empty")
    with open_plain(partial, source) as handle:
        start = handle.read(512).lstrip().lower()
        if start.startswith((b"<!doctype html", b"<html")):
            raise InputError(
                f"{source}: this is an HTML page, not data; the address may need a login or point to a page about "
                "the file: give the address of the file itself"
            )
        if is_gzip(partial):
            for _ in blocks(handle):
                pass


def _verify_checksum(source: str, expected: tuple[str, str] | None, found: str | None) -> None:
    if expected is not None and found != expected[1]:
        algorithm, digits = expected
        raise InputError(
            f"{source}: the {algorithm} checksum is {found}, expected {digits}; the file has changed or was damaged "
            "on its way: check which release you mean, and correct the sheet or get the file again"
        )
