"""Download a file over HTTP or FTP; what came before a break is kept, and a later attempt goes on from there."""

import logging
import os
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import requests
from urllib3.exceptions import HTTPError

from genoglot.errors import InputError
from genoglot.files import CHUNK, read_json, write_json

logger = logging.getLogger(__name__)

# Refusals that may pass: too many requests, request time-out; and everything from 500 on.
PASSING_STATUS = (408, 429)
LOG_EVERY = 1 << 28


class _PassingError(Exception):
    """A failure that another attempt may not meet."""


@dataclass(frozen=True)
class Version:
    """What a server says of a file, by which the same file can be known again; `length` in bytes."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    length: int | None = None

    @property
    def validator(self) -> str | None:
        """What proves in a header If-Range that bytes are of the same file (RFC 9110, section 13.1.5).

        A weak ETag proves nothing about bytes, and a date may only stand in where there is no ETag.
        """
        if self.etag:
            return None if self.etag.startswith("W/") else self.etag
        return self.last_modified

    def contradicts(self, other: "Version") -> bool:
        """Whether both tell something of the file on which they differ; dates count where there is no ETag."""
        pairs = [(self.etag, other.etag), (self.length, other.length)]
        if None in pairs[0]:
            pairs.append((self.last_modified, other.last_modified))
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


class Part:
    """The bytes of a file that have come so far, beside the path where the whole file will be.

    `path` is `<destination>.partial`. A download that can be resumed has its `Version` in `<destination>.partial.json`,
    written before its first byte: whatever ends the process, the next one knows what the bytes are of.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self.path = destination.with_name(destination.name + ".partial")
        self.state = destination.with_name(destination.name + ".partial.json")

    def begin(self, version: Version | None = None) -> None:
        """Start from nothing; bytes of a `version` with a validator can be resumed."""
        self.discard()
        if version is not None and version.validator:
            write_json(self.state, asdict(version))
        self.path.touch()

    def kept(self, url: str) -> tuple[int, Version | None]:
        """Number of bytes from which a download of `url` can go on, and of which version they are; 0 if it cannot."""
        version = self._version()
        if version is None or version.url != url or not self.path.exists():
            return 0, None
        size = self.path.stat().st_size
        if version.length is None:
            return size, version
        # The last byte is always asked for again, so that the server can tell of a whole file too whether it changed.
        return (min(size, max(version.length - 1, 0)), version) if size <= version.length else (0, None)

    def _version(self) -> Version | None:
        try:
            version = Version(**read_json(self.state))
        except (OSError, ValueError, TypeError):
            return None
        return version if version.validator else None

    def finish(self) -> None:
        """Give the file its name."""
        os.replace(self.path, self.destination)
        self.discard()

    def tidy(self) -> None:
        """Remove what nothing can be added to."""
        if self._version() is None or not self.path.exists():
            self.discard()

    def discard(self) -> None:
        # The bytes go first: a version without bytes is harmless, bytes under a wrong version are not.
        self.path.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)


def download(url: str, part: Part, name: str, retries: int = 3, timeout: float = 60) -> Version:
    """Download `url` into `part`, going on from what it keeps where the server allows it.

    Args:
        url: http, https or ftp address.
        part: where the bytes go; the whole file when this returns.
        name: stands for the file in messages.
        retries: further attempts, with doubling pauses from one second; counted anew after each attempt that brought
            a megabyte or more.
        timeout: seconds without an answer or without data before an attempt counts as failed.

    Raises:
        InputError: the server refuses or keeps failing, or what comes stays shorter than announced.
    """
    attempt = _download_ftp if url.lower().startswith("ftp:") else _download_http
    return _with_retries(lambda: attempt(url, part, name, timeout), part, name, retries)


def _with_retries(attempt: Callable[[], Version], part: Part, name: str, retries: int) -> Version:
    failures, reached = 0, 0
    while True:
        try:
            return attempt()
        except _PassingError as error:
            size = part.path.stat().st_size if part.path.exists() else 0
            failures = 1 if size >= reached + CHUNK else failures + 1
            reached = max(reached, size)
            if failures > retries:
                raise InputError(f"{name}: {error}, in each of {failures} attempts; try later") from None
            pause = 2.0 ** (failures - 1)
            logger.warning("%s: %s; again in %g s", name, error, pause)
            time.sleep(pause)


def _download_http(url: str, part: Part, name: str, timeout: float) -> Version:
    start, version = part.kept(url)
    with _get(url, start, version, name, timeout) as response:
        answer = _version_of(response, url)
        if start and version and response.status_code == requests.codes.partial_content:
            if _content_range(response)[0] == start and not version.contradicts(answer):
                logger.info("%s: going on after %d bytes", name, start)
                _receive(response.raw, part, start, version.length, name)
                return version
        elif not start or response.status_code != requests.codes.requested_range_not_satisfiable:
            _check_status(name, response)
            part.begin(answer if response.headers.get("Accept-Ranges") != "none" else None)
            _receive(response.raw, part, 0, answer.length, name)
            return answer
    # The bytes kept do not fit what the server has now; without them it is asked for the whole file.
    part.discard()
    return _download_http(url, part, name, timeout)


def _get(url: str, start: int, version: Version | None, name: str, timeout: float) -> requests.Response:
    # Without "identity" a server may compress what it sends, and its length and checksum would be of something else.
    headers = {"Accept-Encoding": "identity"}
    if start and version and version.validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": version.validator}
    try:
        return requests.get(url, stream=True, timeout=timeout, headers=headers)
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise InputError(f"{name}: this is not a valid address ({error})") from None
    except requests.exceptions.RequestException as error:
        raise _PassingError(f"the connection failed ({_reason(error)})") from None


def _version_of(response: requests.Response, url: str) -> Version:
    if response.status_code == requests.codes.partial_content:
        length = _content_range(response)[1]
    else:
        length = _number(response.headers.get("Content-Length"))
    return Version(url, response.headers.get("ETag"), response.headers.get("Last-Modified"), length)


def _content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and whole length that a header Content-Range names (RFC 9110, section 14.4)."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    return (int(match[1]), _number(match[2])) if match else (None, None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _check_status(name: str, response: requests.Response) -> None:
    status = response.status_code
    if status == requests.codes.ok:
        return
    words = f"the server answered {status} {response.reason}"
    if status >= 500 or status in PASSING_STATUS:
        raise _PassingError(words)
    hint = "there is no such file; check the address" if status in (404, 410) else "check the address in a browser"
    raise InputError(f"{name}: {words}: {hint}")


def _download_ftp(url: str, part: Part, name: str, timeout: float) -> Version:
    part.begin()
    try:
        response = urllib.request.urlopen(url, timeout=timeout)
    except URLError as error:
        # FTP answers 550 for a file that is not there; urllib passes it on as text only.
        if "550" in str(error.reason):
            raise InputError(f"{name}: the server has no such file ({error.reason}); check the address") from None
        raise _PassingError(f"the connection failed ({error.reason})") from None
    except (OSError, EOFError) as error:
        raise _PassingError(f"the connection failed ({_reason(error)})") from None
    with response:
        length = _number(response.headers.get("Content-Length"))
        _receive(response, part, 0, length, name)
    return Version(url, length=length)


def _receive(stream: Any, part: Part, start: int, length: int | None, name: str) -> None:
    """Write a stream into the part from byte `start` on; `length` is that of the whole file."""
    size = start
    with open(part.path, "r+b") as output:
        output.seek(start)
        for block in _blocks(stream):
            output.write(block)
            if (size + len(block)) // LOG_EVERY > size // LOG_EVERY:
                logger.info("%s: %d bytes so far", name, size + len(block))
            size += len(block)
    if length is not None and size != length:
        raise _PassingError(f"only {size} of {length} bytes came")


def _blocks(stream: Any) -> Iterator[bytes]:
    """What comes, as it comes: `read` would wait for a whole block, and lose what it has when the connection breaks."""
    while True:
        with _breaks():
            block = stream.read1(CHUNK)
        if not block:
            return
        yield block


@contextmanager
def _breaks() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, HTTPError) as error:
        raise _PassingError(f"the connection broke ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
