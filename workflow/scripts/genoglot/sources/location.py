"""Where a source lies: on this machine, behind a URL or at a provider of genomes, and at which mirror."""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from genoglot.errors import InputError
from genoglot.sources.accession import is_accession

SCHEMES = ("http", "https", "ftp", "file")


def scheme(source: str) -> str:
    """Scheme of a URL in lower case; empty for a plain path.

    Raises:
        InputError: `source` is a URL of another scheme than http, https, ftp and file.
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", source)
    if not match:
        return ""
    name = match.group(1).lower()
    if name in SCHEMES:
        return name
    if source[match.end() :].startswith("//"):
        raise InputError(f"{source}: cannot fetch {name}: addresses; give http, https, ftp, file or a path")
    return ""


def local_path(source: str) -> str | None:
    """The path of a source that is a plain path or a `file:` URL; None for any other URL and for an accession."""
    if source.startswith("file:"):
        return unquote(urlsplit(source).path)
    return None if "://" in source or is_accession(source) else source


def file_name(source: str) -> str:
    """The last part of a path, or of the path of a URL."""
    path = unquote(urlsplit(source).path) if scheme(source) else source
    return path.rpartition("/")[2]


def mirrored(source: str, mirrors: Mapping[str, str]) -> str:
    """`source` with its longest prefix that has a mirror replaced."""
    prefix = max((prefix for prefix in mirrors if source.startswith(prefix)), key=len, default=None)
    return source if prefix is None else mirrors[prefix] + source[len(prefix) :]
