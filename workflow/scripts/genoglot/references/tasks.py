"""Tasks without examples or with two kinds of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from genoglot.references.common import BED, VARIANTS, path_problems, unknown
from genoglot.study import DENSE, Study

# kinds of tasks whose truth is in the annotation, and what it is
FROM_ANNOTATION = {"region_class": "region classes", "annotation": "classes of bases"}
# those whose truth is in files along a genome
FROM_TRACKS = ("tracks", "peaks")
# where the labels of tasks come from but for the annotation, and how those that lie on a genome are called
LABELLED = ("sequences", "bed", "variants")
NAMED = {"bed": "BED lies", "variants": "variants lie"}


def task_problems(study: Study, place: str, task: Mapping[str, Any]) -> Iterator[str]:
    """A task without examples or with two kinds of them, and genomes, models and files that are not there."""
    genome, sheet = task["genome"], study.config["genomes"]
    if task["kind"] in FROM_ANNOTATION:
        learnt = FROM_ANNOTATION[task["kind"]]
        given = [key for key in LABELLED if task[key] is not None]
        if given:
            yield f"{place}.{given[0]}: {learnt} come from the annotation; say another kind to learn labels"
        if genome is None:
            yield f"{place}.genome: expected the genome whose {learnt} are learnt, found none"
    elif task["kind"] in FROM_TRACKS:
        yield from _track_problems(place, task)
    else:
        yield from _source_problems(place, task)
    if genome is not None:
        yield from unknown(f"{place}.genome: {sheet} has no", genome, study.genomes)
        if genome in study.genomes and task["kind"] in FROM_ANNOTATION and not study.annotated(genome):
            yield f"{place}: {FROM_ANNOTATION[task['kind']]} come from an annotation, and {genome} has none in {sheet}"
    if task["tracks"] is not None and task["kind"] not in FROM_TRACKS:
        yield f"{place}.tracks: kind {task['kind']} does not learn from tracks; say kind tracks or peaks, or remove it"
    for model in task["models"] or []:
        yield from unknown(f"{place}.models: there is no model", model, study.models)
    yield from path_problems(f"{place}.bed", task["bed"], BED)
    for key, table in (task["sequences"] or {}).items():
        yield from path_problems(f"{place}.sequences.{key}", table, "a table")
    if task["kind"] in DENSE:
        for key in ("pooling", "few_shot"):
            if task[key] is not None:
                yield f"{place}.{key}: kind {task['kind']} has a truth for each base or bin of a window: remove it"
    if task["mode"] == "probe" and task["pooling"] == "attention":
        yield f"{place}.pooling: attention is learnt with the network, which mode probe leaves as it is"


def _source_problems(place: str, task: Mapping[str, Any]) -> Iterator[str]:
    """Labels that are of nothing or of several things at once."""
    given = [key for key in LABELLED if task[key] is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        yield f"{place}: kind {task['kind']} learns from one of `sequences`, `bed` and `variants`; found {found}"
    elif given != ["sequences"] and task["genome"] is None:
        yield f"{place}.genome: expected the genome on which the {NAMED[given[0]]}, found none"
    if task["bed"] is not None and task["group"] is not None:
        yield f"{place}.group: intervals of a BED are grouped by their place: remove it"
    if task["variants"] is None:
        return
    yield from path_problems(f"{place}.variants", task["variants"], VARIANTS)
    columns = task["column"] if isinstance(task["column"], list) else [task["column"]]
    if numbers := [str(column) for column in columns if not isinstance(column, str)]:
        yield f"{place}.column: labels of variants are in a key of INFO or a named column; found {', '.join(numbers)}"


def _track_problems(place: str, task: Mapping[str, Any]) -> Iterator[str]:
    """Tracks or peaks without files or a genome, or with other sources of labels beside them."""
    kind = task["kind"]
    for key in LABELLED:
        if task[key] is not None:
            yield f"{place}.{key}: kind {kind} learns from the files in `tracks`: remove it"
    if task["tracks"] is None:
        yield f"{place}.tracks: kind {kind} needs a file for each track by its name, found none"
    if task["genome"] is None:
        yield f"{place}.genome: expected the genome on which the tracks lie, found none"
    for name, path in (task["tracks"] or {}).items():
        yield from path_problems(f"{place}.tracks.{name}", path, "a file")
    if kind == "tracks" and not isinstance(task["column"], int):
        yield f"{place}.column: expected the number of the column that has the values, found {task['column']}"
    if task["split"]["by"] == "column":
        yield f"{place}.split.by: column: bins of a genome have no such column; take auto, hash or contig"
