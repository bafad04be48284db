"""Scans, predictions and interpretation by models or heads that are not there or cannot do what is asked."""

from collections.abc import Iterator

from genoglot.errors import InputError
from genoglot.interpretation.region_text import parse_region
from genoglot.references.common import BED, VARIANTS, path_problems, run_problems, unknown
from genoglot.study import DENSE, Study

# ways to name loci
LOCI = ("regions", "bed", "variants")


def scan_problems(study: Study) -> Iterator[str]:
    """Scans and calibrations of genomes or by models that are not there, and regions that are no file."""
    sheet = study.config["genomes"]
    for name, scan in study.scans.items():
        yield from run_problems(study, f"scans.{name}", scan)
    calibration = study.config["scoring"]["calibration"]
    for genome, bed in (calibration["bed"] if calibration else {}).items():
        yield from unknown(f"scoring.calibration.bed: {sheet} has no", genome, study.genomes)
        yield from path_problems(f"scoring.calibration.bed.{genome}", bed, BED)


def prediction_problems(study: Study) -> Iterator[str]:
    """Heads of tasks that are not there, or that are to read windows and variants at once."""
    for name, entry in study.predictions.items():
        place, file = f"predictions.{name}", entry["variants"]
        yield from unknown(f"{place}.task: there is no task", entry["task"], study.tasks)
        if file is None and entry["task"] in study.tasks and study.paired(entry["task"]):
            yield f"{place}.variants: the head of {entry['task']} reads pairs of alleles and no windows: name variants"
        yield from run_problems(study, place, entry)
        of_windows = [key for key in ("bed", "step") if entry[key] is not None]
        kind = study.tasks[entry["task"]]["kind"] if entry["task"] in study.tasks else None
        if kind in DENSE:
            for key in (*of_windows, *(["variants"] if file is not None else [])):
                yield f"{place}.{key}: a head of kind {kind} predicts all of its genome's contigs: remove it"
            continue
        if file is not None and of_windows:
            yield f"{place}: found variants and {of_windows[0]}; a head reads either windows or alleles: remove one"
        elif len(of_windows) == 2:
            yield f"{place}.step: an interval of a BED has one window around its middle: remove step or bed"
        yield from path_problems(f"{place}.variants", file, VARIANTS)


def interpretation_problems(study: Study) -> Iterator[str]:
    """Sets of loci of genomes or by models that are not there, or that name their loci in no way or in several."""
    for name, entry in study.interpretation.items():
        place = f"interpretation.{name}"
        yield from run_problems(study, place, entry)
        for task in entry["tasks"]:
            yield from unknown(f"{place}.tasks: there is no task", task, study.tasks)
            if task in study.tasks and study.tasks[task]["kind"] in DENSE:
                yield f"{place}.tasks: {task} predicts each base or bin, and attributions are of one prediction"
            if task in study.tasks and study.paired(task):
                yield f"{place}.tasks: the head of {task} reads pairs of alleles, and bases of a locus are no pair"
        given = [key for key in LOCI if entry[key] is not None]
        if len(given) != 1:
            yield f"{place}: expected one of {', '.join(LOCI)}, found {' and '.join(given) or 'none'}"
        for text in entry["regions"] or []:
            try:
                parse_region(text, f"{place}.regions")
            except InputError as error:
                yield str(error)
        yield from path_problems(f"{place}.variants", entry["variants"], VARIANTS)
