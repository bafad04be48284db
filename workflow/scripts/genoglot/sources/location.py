"""Where a source lies: on this machine or behind a URL, and at which mirror."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit


def local_path(source: str) -> str | None:
    """The path of a source that is a plain path or a `file:` URL; None for any other URL."""
    if source.startswith("file:"):
        return unquote(urlsplit(source).path)
    return None if "://" in source else source


def mirrored(source: str, mirrors: Mapping[str, str]) -> str:
    """`source` with its longest prefix that has a mirror replaced."""
    prefix = max((prefix for prefix in mirrors if source.startswith(prefix)), key=len, default=None)
    return source if prefix is None else mirrors[prefix] + source[len(prefix) :]
