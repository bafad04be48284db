"""What several sections of a configuration name: entries of other sections, and files."""

from collections.abc import Iterator, Mapping
from typing import Any

from genoglot.schema import suggestion
from genoglot.sources.location import local_path
from genoglot.study import Study

# what files are expected to be
BED, VARIANTS = "a BED", "a VCF, BCF or table"


def unknown(text: str, name: str, known: Mapping[str, Any]) -> Iterator[str]:
    """The text with a name that is not known, and what it may have been meant to be."""
    if name not in known:
        yield f"{text} {name}{suggestion(name, known)}"


def path_problems(place: str, path: str | None, what: str) -> Iterator[str]:
    """A file at `place` that is no path."""
    if path is not None and local_path(path) is None:
        yield f"{place}: expected the path of {what}, found {path}: fetch it first"


def run_problems(study: Study, place: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """An entry at `place` with a genome, models or a BED that are not there."""
    yield from unknown(f"{place}.genome: {study.config['genomes']} has no", entry["genome"], study.genomes)
    for model in entry["models"] or []:
        yield from unknown(f"{place}.models: there is no model", model, study.models)
    yield from path_problems(f"{place}.bed", entry["bed"], BED)
