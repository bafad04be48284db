"""Checksums: those a user writes, those a provider lists in a file, and those of a file at hand."""

import difflib
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from genoglot.errors import InputError
from genoglot.files import CHUNK

DIGEST_LENGTHS = {32: "md5", 40: "sha1", 64: "sha256"}
# `sum` is the program of that name: the BSD checksum of 16 bits and the number of 1024-byte blocks.
STRONGEST_FIRST = ("sha256", "sha1", "md5", "sum")

DIGEST_LINE = re.compile(r"\\?([0-9a-fA-F]{32,64})[ \t]+\*?(\S.*)")
TAGGED_LINE = re.compile(r"(?:MD5|SHA1|SHA256|SHA2-256) ?\((.+)\) ?= ?([0-9a-fA-F]{32,64})")
SUM_LINE = re.compile(r"(\d{1,5})\s+(\d+)\s+(\S.*)")


class Checksum(NamedTuple):
    """An algorithm and its result: hexadecimal digits in lower case, for `sum` two numbers, as in `12345 678`."""

    algorithm: str
    digits: str


class Listed(NamedTuple):
    """A line of a file of checksums; `path` is written as there, without a leading `./`."""

    path: str
    checksum: Checksum


def parse_checksum(text: str, source: str) -> Checksum:
    """Read a checksum of `source` that a user wrote: `md5:...`, `sha1:...`, `sha256:...`, or the bare digits.

    Raises:
        InputError: the algorithm is another one, or the number of digits does not fit it.
    """
    algorithm, _, digits = text.strip().lower().rpartition(":")
    algorithm = algorithm or DIGEST_LENGTHS.get(len(digits), "")
    if not re.fullmatch("[0-9a-f]+", digits) or DIGEST_LENGTHS.get(len(digits)) != algorithm:
        raise InputError(
            f"{source}: the checksum {text!r} cannot be read; expected md5:, sha1: or sha256: and 32, 40 or 64 "
            "hexadecimal digits, or the path or URL of a file of checksums (with a / or a . in it)"
        )
    return Checksum(algorithm, digits)


def is_listing(text: str) -> bool:
    """Whether what a user wrote as a checksum is the place of a file of checksums."""
    return "/" in text or "." in text


def read_listing(text: str) -> list[Listed]:
    """The lines of a provider's file of checksums that can be read.

    These are the lines of md5sum, sha1sum and sha256sum (`digits  name`, `digits *name`), of their option --tag
    (`MD5 (name) = digits`), and of sum (`12345 678 name`), as in the files CHECKSUMS of Ensembl.
    """
    found = []
    for line in map(str.strip, text.splitlines()):
        if match := DIGEST_LINE.fullmatch(line):
            digits, path = match.groups()
        elif match := TAGGED_LINE.fullmatch(line):
            path, digits = match.groups()
        elif match := SUM_LINE.fullmatch(line):
            value, blocks, path = match.groups()
            found.append(Listed(path.removeprefix("./"), Checksum("sum", f"{int(value)} {int(blocks)}")))
            continue
        else:
            continue
        if len(digits) in DIGEST_LENGTHS:
            checksum = Checksum(DIGEST_LENGTHS[len(digits)], digits.lower())
            found.append(Listed(path.removeprefix("./"), checksum))
    return found


def find_checksum(text: str, name: str, place: str) -> Checksum:
    """The checksum of the file `name` in a file of checksums, of the strongest algorithm that is listed for it.

    Args:
        text: content of the file of checksums; it may also be one digest and nothing else.
        name: name of the file, without folders. A line for the bare name goes before lines with folders.
        place: where the file of checksums was read, for messages.

    Raises:
        InputError: nothing in the text can be read as a checksum, `name` is not listed, or listed with different
            checksums of one algorithm.
    """
    digest = text.strip()
    if len(digest) in DIGEST_LENGTHS and re.fullmatch("[0-9a-fA-F]+", digest):
        return Checksum(DIGEST_LENGTHS[len(digest)], digest.lower())
    listed = read_listing(text)
    if not listed:
        raise InputError(f"{place}: no line is a checksum as md5sum, sha1sum, sha256sum or sum write it")
    own = [entry for entry in listed if entry.path == name]
    own = own or [entry for entry in listed if entry.path.rpartition("/")[2] == name]
    if not own:
        raise InputError(f"{place}: {name} is not listed there; {nearest(name, [entry.path for entry in listed])}")
    algorithm = min((entry.checksum.algorithm for entry in own), key=STRONGEST_FIRST.index)
    found = {entry.checksum for entry in own if entry.checksum.algorithm == algorithm}
    if len(found) > 1:
        raise InputError(
            f"{place}: {name} is listed with {len(found)} different {algorithm} checksums; write the right one"
        )
    return found.pop()


def nearest(name: str, names: list[str]) -> str:
    """What a listing holds instead of `name`, in words."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
    return f"{len(names)} files are listed, among them {', '.join(near)}" if near else "no file is listed"


def file_checksums(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Hexadecimal digests of a file's bytes by hashlib's algorithms, all in one reading."""
    states = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
    with open(path, "rb") as handle:
        while chunk := handle.read(CHUNK):
            for state in states.values():
                state.update(chunk)
    return {algorithm: state.hexdigest() for algorithm, state in states.items()}


def bsd_sum(path: Path) -> str | None:
    """Checksum and blocks as `sum` gives them, `12345 678`; None where that program is missing or fails.

    Each byte of the file rotates the checksum, which no array operation expresses: in Python it would take minutes
    for a genome, and the program is part of every Unix.
    """
    program = shutil.which("sum")
    if program is None:
        return None
    with open(path, "rb") as handle:
        result = subprocess.run([program], stdin=handle, capture_output=True, text=True)
    numbers = result.stdout.split()[:2]
    if result.returncode or len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return f"{int(numbers[0])} {int(numbers[1])}"
