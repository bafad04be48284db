"""Reads the files that a report is made of, and makes links to them."""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow.parquet as pq

from genoglot.errors import InputError
from genoglot.report.blocks import Link, Origin

# what the address of a genome browser may be filled in with
PLACEHOLDERS = ("genome", "contig", "start", "end")
KINDS = (
    "genomes", "corpora", "models", "sweeps", "embeddings", "tasks", "predictions", "variants", "scans",
    "interpretation",
)  # fmt: skip
# what the keys of still pictures in an entry end in
PICTURES = ("png", "svg")
# entry of the manifest -> where its content goes
JSON_FILES = {
    "genome_json": "genome",
    "annotation_json": "annotation",
    "haplotype_json": "haplotype",
    "corpus_json": "manifest",
    "metrics": "metrics",
    "config": "architecture",
    "summary": "summary",
    "comparison": "comparison",
    "evaluation": "evaluation",
    "pictures": "pictures",
}


def load_manifest(manifest: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each kind with the content of their JSON files and learning curves beside the paths.

    Raises:
        InputError: a file is missing or is not what it should be.
    """
    loaded: dict[str, list[dict[str, Any]]] = {}
    for kind in KINDS:
        loaded[kind] = []
        for entry in manifest.get(kind) or []:
            content = {JSON_FILES[key]: _json(path) for key, path in entry.items() if key in JSON_FILES and path}
            paths = {key: Path(path) for key, path in entry.items() if _is_file(key) and path}
            names = {key: value for key, value in entry.items() if not _is_file(key)}
            loaded[kind].append({**names, **content, "paths": paths})
    return loaded


def _is_file(key: str) -> bool:
    return key in JSON_FILES or key in {"curves", "umap", "labelled", "vcf", "predicted"} or key.endswith(PICTURES)


def _json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: the report needs this file and it is not there; run the workflow again") from None
    except ValueError as error:
        raise InputError(f"{path}: this is not JSON ({error}); delete it and run the workflow again") from None


def read_curves(path: Path) -> pd.DataFrame:
    """Columns of curves.tsv: step, tokens, seconds, split, bits_per_base, accuracy, learning_rate."""
    return pd.read_csv(path, sep="\t")


def read_columns(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Columns of a Parquet file; all of them where none are named."""
    return pq.read_table(path, columns=columns).to_pandas()


def browser_url(template: str | None) -> str | None:
    """The address of a genome browser in which {contig}, {start} and {end} (1-based) and {genome} are filled in.

    Raises:
        InputError: it is no address of the web, or holds another word in braces.
    """
    if not template:
        return None
    if not template.startswith(("https://", "http://")):
        raise InputError(f"report.browser_url: {template!r} does not begin with https:// or http://")
    for name in re.findall(r"\{(.*?)\}", template):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise InputError(f"report.browser_url: {{{name}}} is not known; it can hold {known}")
    return template


class Linker:
    """Makes links relative to the folder of the page."""

    def __init__(self, html: Path):
        self.folder = Path(html).absolute().parent

    def __call__(self, path: Path, text: str | None = None) -> Link:
        relative = Path(os.path.relpath(Path(path).absolute(), self.folder)).as_posix()
        # a first part with a colon would be read as a URL scheme
        return Link(text or relative, "./" + quote(relative))

    def stills(self, paths: dict[str, Path], name: str = "") -> list[Link]:
        """Links to the still pictures among the files of an entry: under `png`, or `{name}_png`, and so on."""
        keys = {kind: f"{name}_{kind}" if name else kind for kind in PICTURES}
        return [self(paths[key], kind.upper()) for kind, key in keys.items() if key in paths]

    def origin(self, entry: dict[str, Any], shown: str, rule: str, *kinds: str, stills: bool | str = False) -> Origin:
        """Where a figure of an entry of the manifest comes from: the files under `kinds` that `rule` made.

        `stills` adds links to its still pictures; where an entry has several, it is the name of those.
        """
        paths = entry["paths"]
        pictures = self.stills(paths, "" if stills is True else stills) if stills else []
        source = f"sweep {entry['name']}" if "comparison" in entry else f"model {entry.get('model') or entry['name']}"
        return Origin(shown, source, rule, [self(paths[kind]) for kind in kinds], pictures)

    def siblings(self, path: Path, names: dict[str, str]) -> list[tuple[Link, str]]:
        """Links to those files beside `path` that exist, with what they are."""
        folder = Path(path).parent
        return [(self(folder / name), what) for name, what in names.items() if (folder / name).exists()]
