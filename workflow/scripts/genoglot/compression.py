"""Plain, gzip and bgzip files read alike, told apart by their first bytes and never by their names."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from genoglot.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
# The empty block that ends every bgzip file (SAM/BAM format specification, section 4.1.2).
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
BLOCK = 1 << 23


def is_gzip(path: str | Path) -> bool:
    with open(path, "rb") as handle:
        return handle.read(2) == GZIP_MAGIC


def is_bgzip(path: str | Path) -> bool:
    """Whether the first gzip member carries the `BC` extra field of a bgzip block."""
    with open(path, "rb") as handle:
        header = handle.read(16)
    return header[:2] == GZIP_MAGIC and len(header) == 16 and bool(header[3] & 4) and header[12:14] == b"BC"


@contextmanager
def open_plain(path: str | Path, name: str | None = None) -> Iterator[BinaryIO]:
    """Open a plain, gzip or bgzip file for reading its uncompressed bytes.

    `name` stands for the file in messages (default: its path).

    Raises:
        InputError: the file is not there, or its compressed data are damaged or end too early.
    """
    name = name or str(path)
    try:
        compressed = is_gzip(path)
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file") from None
    if compressed and is_bgzip(path):
        check_bgzip_end(path, name)
    try:
        with gzip.open(path, "rb") if compressed else open(path, "rb") as handle:
            yield cast(BinaryIO, handle)
    except EOFError:
        raise InputError(f"{name}: the gzip data end too early; the file is cut short, get it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}: the gzip data are damaged ({error}); get the file again") from None


def check_bgzip_end(path: str | Path, name: str | None = None) -> None:
    """Raise `InputError` where a bgzip file lacks its closing block: it may have been cut between two blocks."""
    with open(path, "rb") as handle:
        handle.seek(0, io.SEEK_END)
        handle.seek(max(0, handle.tell() - len(BGZF_END)))
        if handle.read() != BGZF_END:
            raise InputError(
                f"{name or path}: the bgzip file lacks its closing block, so its end is missing; get the file again"
            )


def blocks(handle: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """The bytes of an open file, block by block."""
    while block := handle.read(size):
        yield block
