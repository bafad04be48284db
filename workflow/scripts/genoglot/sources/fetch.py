"""Get a file from an accession, an address or a path: whole, of the right checksum and kind, or not at all."""

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from genoglot.compression import blocks, is_gzip, open_plain
from genoglot.errors import NO_SPACE, InputError
from genoglot.files import write_json
from genoglot.sources.accession import Published, is_accession, resolve
from genoglot.sources.checksums import Checksum, bsd_sum, file_checksums, find_checksum, is_listing, parse_checksum
from genoglot.sources.download import Part, Version, download
from genoglot.sources.location import file_name, local_path, mirrored, scheme

logger = logging.getLogger(__name__)

# Files of checksums and listings of folders are far smaller; what is larger is something else.
LARGEST_TEXT = 1 << 26


@dataclass(frozen=True)
class _Places:
    """How places are reached: mirrors, patience with servers."""

    mirrors: Mapping[str, str]
    retries: int
    timeout: float

    def bring(self, source: str, part: Part) -> Version | None:
        """Write what lies at a path or URL into `part`; the version is None for files of this machine."""
        place = mirrored(source, self.mirrors)
        name = source if place == source else f"{source} (from {place})"
        kind = scheme(place)
        if kind in ("", "file"):
            part.begin()
            _copy_local(name, _path(name, place), part.path)
            return None
        return download(place, part, name, self.retries, self.timeout)

    def read(self, source: str) -> str:
        """The text at a path or URL; of a folder of this machine the names in it, as a server would list them."""
        place = local_path(mirrored(source, self.mirrors))
        if place is not None and Path(place).is_dir():
            return "".join(f"{path.name}/\n" for path in sorted(Path(place).iterdir()))
        with tempfile.TemporaryDirectory() as folder:
            part = Part(Path(folder) / "text")
            self.bring(source, part)
            if part.path.stat().st_size > LARGEST_TEXT:
                raise InputError(f"{source}: {part.path.stat().st_size} bytes is too much for a file of checksums")
            return part.path.read_text(errors="replace")


@dataclass(frozen=True)
class _Expected:
    """A checksum, and where it was found: `sheet`, or the URL or path of a file of checksums."""

    checksum: Checksum
    origin: str


def fetch(
    source: str,
    destination: str | Path,
    checksum: str | None = None,
    kind: str = "fasta",
    mirrors: Mapping[str, str] | None = None,
    record: str | Path | None = None,
    retries: int = 3,
    timeout: float = 60,
) -> None:
    """Copy `source` to `destination`, verified.

    A download over HTTP that is broken off leaves `<destination>.partial` and `<destination>.partial.json`, if the
    server names a version of the file; the next attempt, also that of another process, goes on from there.

    Args:
        source: http, https or ftp address, `file:` address, plain path, or accession (`genoglot.sources.accession`).
        destination: output; it appears only when everything below holds.
        checksum: `md5:...`, `sha1:...`, `sha256:...`, or the bare hexadecimal digits, whose number tells which; or the
            path or URL of a file of checksums that lists the file by its name. Without it a file of an accession is
            compared with what its provider lists.
        kind: which file an accession stands for, `fasta` or `annotation`.
        mirrors: beginnings of URLs, and by what they are replaced wherever a URL is read.
        record: JSON to write: source, URL (before mirrors; null for a file of this machine), size in bytes, sha256,
            ETag and Last-Modified of the server, and the checksum with its origin and whether it was verified.
        retries: further attempts after a broken connection or a server's error, with doubling pauses from one second.
        timeout: seconds without an answer or without data before an attempt counts as failed.

    Raises:
        InputError: the scheme is unknown; the file is not there; the server refuses or keeps failing; the accession or
            the checksum cannot be found; the disk is full; the file is empty, shorter than announced, of another
            checksum, an HTML page, or its gzip stream does not end well.
    """
    source = str(source).strip()
    part = Part(Path(destination))
    places = _Places(mirrors or {}, retries, timeout)
    try:
        published, expected = _plan(source, kind, checksum, places)
        part.destination.parent.mkdir(parents=True, exist_ok=True)
        version = places.bring(published.url, part)
        try:
            description = _describe(source, published.url, part.path, version, expected)
        except InputError:
            part.discard()
            raise
        part.finish()
        if record:
            write_json(Path(record), description)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise InputError(_full_disk(source, part, error)) from None
        raise
    finally:
        part.tidy()
    logger.info("%s: %d bytes", source, description["size"])


def _plan(source: str, kind: str, checksum: str | None, places: _Places) -> tuple[Published, _Expected | None]:
    """Which file to bring, and what its checksum must be."""
    checksum = (checksum or "").strip()
    # A provider's file of checksums is read once, though it tells both the file's name and its checksum.
    read = cache(places.read)
    published = resolve(source, kind, read) if is_accession(source) else Published(source)
    if checksum and not is_listing(checksum):
        return published, _Expected(parse_checksum(checksum, source), "sheet")
    listing = checksum or published.checksums
    if not listing:
        return published, None
    return published, _Expected(find_checksum(read(listing), file_name(published.url), listing), listing)


def _path(name: str, place: str) -> Path:
    """The existing file that a plain path or a `file:` address names."""
    if scheme(place) == "file":
        address = urlsplit(place)
        if address.netloc not in ("", "localhost"):
            raise InputError(f"{name}: a file: address names no host; write file:///full/path")
        path = Path(unquote(address.path))
    else:
        path = Path(place).expanduser()
    if not path.is_file():
        kind = "that is a folder, not a file" if path.is_dir() else "there is no such file"
        raise InputError(f"{name}: {kind} (looked for {path.resolve()})")
    return path


def _copy_local(name: str, path: Path, copy: Path) -> None:
    try:
        shutil.copyfile(path, copy)
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read {error.filename}") from None


def _full_disk(source: str, part: Part, error: OSError) -> str:
    size = part.path.stat().st_size if part.path.exists() else 0
    return (
        f"{source}: no room left in {part.destination.parent} after {size} bytes ({os.strerror(error.errno or 0)}); "
        "make room there and run again"
    )


def _describe(source: str, url: str, path: Path, version: Version | None, expected: _Expected | None) -> dict[str, Any]:
    """Verify a file; what is to be recorded of it."""
    _verify_content(source, path)
    wanted = {"sha256"} | ({expected.checksum.algorithm} - {"sum"} if expected else set())
    found = file_checksums(path, wanted)
    checked = None
    if expected:
        verified = _verify_checksum(source, path, expected, found)
        checked = {**expected.checksum._asdict(), "from": expected.origin, "verified": verified}
    return {
        "source": source,
        "url": None if local_path(url) is not None else url,
        "size": path.stat().st_size,
        "sha256": found["sha256"],
        "etag": version.etag if version else None,
        "last_modified": version.last_modified if version else None,
        "checksum": checked,
    }


def _verify_content(source: str, path: Path) -> None:
    """Refuse an empty file, a web page, and a gzip stream that does not reach its end."""
    if path.stat().st_size == 0:
        raise InputError(f"{source}: the file is empty")
    with open_plain(path, source) as handle:
        start = handle.read(512).lstrip().lower()
        if start.startswith((b"<!doctype html", b"<html")):
            raise InputError(
                f"{source}: this is an HTML page, not data; the address may need a login or point to a page about "
                "the file: give the address of the file itself"
            )
        if is_gzip(path):
            for _ in blocks(handle):
                pass


def _verify_checksum(source: str, path: Path, expected: _Expected, found: Mapping[str, str]) -> bool:
    """Raise `InputError` where the checksum is another one; False if it could not be calculated."""
    algorithm, digits = expected.checksum
    actual = bsd_sum(path) if algorithm == "sum" else found[algorithm]
    if actual is None:
        logger.warning("%s: not compared with %s, since the program sum is missing here", source, expected.origin)
        return False
    if actual != digits:
        listed = "" if expected.origin == "sheet" else f" as {expected.origin} lists it"
        raise InputError(
            f"{source}: the {algorithm} checksum is {actual}, expected {digits}{listed}; the file has changed or was "
            "damaged on its way: check which release you mean, and correct the sheet or get the file again"
        )
    return True
