"""What was learnt of a task: measures of every contestant on the same test examples, and the head that is kept."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from genoglot.examples.store import Examples
from genoglot.examples.target import Target, known_bins
from genoglot.files import atomic_path, read_json, write_json
from genoglot.tasks import PRETRAINED, STARTS
from genoglot.tasks.baselines import FLOORS
from genoglot.tasks.gene_scores import gene_scores
from genoglot.tasks.heads import ABOUT, HEAD
from genoglot.tasks.metrics import summarise, summarise_runs
from genoglot.tasks.runs import RUN, load_predictions

log = logging.getLogger(__name__)

ANNOTATION = "annotation"  # the kind of tasks that find genes
SHOWN = ("validation", "test")


def evaluate_task(
    examples: Path,
    runs: Sequence[Path],
    floors: Path,
    few_shot: Path | None,
    output: Path,
    task: str,
    name: str,
    kind: str,
    mode: str,
    seed: int,
) -> None:
    """Write `metrics.json`, `predictions.parquet`, and the head of the pretrained run that validation finds best.

    Args:
        examples: folder of `Examples`.
        runs: folders of `runs.finetune_head`, of every start and seed.
        floors, few_shot: what `baselines.fit_floors` and `curve.learn_from_few` wrote.
        task, name: of task and model.
        seed: of the bootstrap.
    """
    labelled = Examples.load(examples)
    target, about = labelled.target, labelled.about
    truth = {split: labelled.truth[labelled.rows(split)] for split in SHOWN}
    true = {split: known_bins(target, each)[0] for split, each in truth.items()}
    (_, groups) = known_bins(target, truth["test"], labelled.frame["group"].to_numpy()[labelled.rows("test")])
    metrics: dict[str, Any] = {
        "task": task,
        "model": name,
        "kind": kind,
        "mode": mode,
        "target": target.kind,
        "classes": list(target.names),
        "bin": target.bin,
        **{f"n_{split}": len(labelled.rows(split)) for split in ("train", "validation", "test")},
        "examples": about,
    }
    if target.dense:
        metrics |= {f"bins_{split}": len(each) for split, each in true.items()}
    shown: dict[str, np.ndarray] = {}
    made: dict[str, dict[int, dict[str, np.ndarray]]] = {}
    by_start = {start: _runs_of(runs, start) for start in STARTS}
    metrics["seeds"] = sorted(by_start[PRETRAINED])
    for start, found in by_start.items():
        made[start] = {number: load_predictions(folder) for number, (folder, _) in found.items()}
        by_seed = {
            split: {number: known_bins(target, each, arrays[split])[1] for number, arrays in made[start].items()}
            for split, each in truth.items()
        }
        metrics[start] = summarise_runs(
            target.flat, true["test"], by_seed["test"], (true["validation"], by_seed["validation"]), groups, seed
        )
        metrics[start]["runs"] = [run for _, run in found.values()]
        shown[start] = made[start][metrics[start]["kept_seed"]]["test"]
    floor = load_file(floors)
    for contestant in filter(floor.__contains__, FLOORS):
        predicted = known_bins(target, truth["test"], floor[contestant])[1]
        metrics[contestant] = summarise(target.flat, true["test"], predicted, groups, seed)
        shown[contestant] = floor[contestant]
    kept_seed, decoder = metrics[PRETRAINED]["kept_seed"], {}
    if kind == ANNOTATION:
        genes, described = gene_scores(labelled, made, floor, kept_seed)
        decoder = {"decoder": described}
        for contestant, scores in genes.items():
            metrics[contestant]["genes"] = scores
    metrics["few_shot"] = None if few_shot is None else read_json(few_shot)
    output = Path(output)
    kept, _ = by_start[PRETRAINED][kept_seed]
    with atomic_path(output / HEAD) as temporary:
        shutil.copyfile(kept / HEAD, temporary)
    write_json(output / ABOUT, read_json(kept / ABOUT) | decoder)
    write_predictions(output / "predictions.parquet", labelled, shown)
    write_json(output / "metrics.json", metrics)


def _runs_of(runs: Sequence[Path], start: str) -> Mapping[int, tuple[Path, dict[str, Any]]]:
    """Folder of each run of a start and what it says of itself, by its seed."""
    found = {}
    for folder in runs:
        about = read_json(folder / RUN)
        if about["start"] == start:
            found[about["seed"]] = (folder, about)
    return dict(sorted(found.items()))


def write_predictions(path: Path, examples: Examples, predictions: Mapping[str, np.ndarray]) -> None:
    """A row a test example: where it is from, the truth, and what each contestant says; of classes also which.

    `{contestant}_{name}` are probabilities or values; of runs those of the seed that validation finds best. Of a dense
    target it is a row a bin of which the truth is known, with its contig, start and end; of its classes there are only
    the likeliest.
    """
    test, target = examples.rows("test"), examples.target
    truth = examples.truth[test]
    columns: dict[str, Any] = {}
    if target.dense:
        table, truth, predictions = _bins_of(examples, test, predictions)
    else:
        table = examples.frame.iloc[test].drop(columns=["split", "group"]).reset_index(drop=True)
    if target.kind == "classes":
        columns["label"] = _named(truth, target)
    else:
        columns |= {name: truth[:, number] for number, name in enumerate(target.names)}
    for contestant, values in predictions.items():
        if target.kind == "classes":
            columns[f"{contestant}_class"] = _named(values.argmax(axis=1), target)
        if not (target.dense and target.kind == "classes"):
            columns |= {f"{contestant}_{name}": values[:, number] for number, name in enumerate(target.names)}
    with atomic_path(path) as temporary:
        pd.concat([table, pd.DataFrame(columns)], axis=1).to_parquet(temporary, index=False)


def _named(numbers: np.ndarray, target: Target) -> np.ndarray | pd.Categorical:
    """Names of classes; of bins, of which there are many, each name is kept once."""
    names = np.array(target.names)
    return pd.Categorical.from_codes(numbers, names) if target.dense else names[numbers]


def _bins_of(
    examples: Examples, rows: np.ndarray, predictions: Mapping[str, np.ndarray]
) -> tuple[pd.DataFrame, np.ndarray, dict[str, np.ndarray]]:
    """Contig, start and end, the truth and the predictions of each known bin of some examples."""
    target, frame = examples.target, examples.frame.iloc[rows]
    bins = examples.codes.shape[1] // target.bin
    starts = frame["start"].to_numpy()[:, None] + np.arange(bins) * target.bin
    truth, start, contig, *values = known_bins(
        target, examples.truth[rows], starts, pd.factorize(frame["contig"])[0], *predictions.values()
    )
    names = pd.Categorical.from_codes(contig, pd.unique(frame["contig"]))
    table = pd.DataFrame({"contig": names, "start": start, "end": start + target.bin})
    return table, truth, dict(zip(predictions, values, strict=True))
