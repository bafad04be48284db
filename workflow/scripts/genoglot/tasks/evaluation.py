"""What was learnt of a task: measures of every contestant on the same test examples, and the head that is kept."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from genoglot.files import atomic_path, read_json, write_json
from genoglot.tasks import PRETRAINED, STARTS
from genoglot.tasks.baselines import FLOORS
from genoglot.tasks.examples import Examples
from genoglot.tasks.heads import ABOUT, HEAD
from genoglot.tasks.metrics import summarise, summarise_runs
from genoglot.tasks.runs import RUN, load_predictions

log = logging.getLogger(__name__)

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
    test, validation = labelled.rows("test"), labelled.rows("validation")
    groups = labelled.frame["group"].to_numpy()[test]
    metrics: dict[str, Any] = {
        "task": task,
        "model": name,
        "kind": kind,
        "mode": mode,
        "target": labelled.target.kind,
        "classes": list(labelled.target.names),
        **{f"n_{split}": len(labelled.rows(split)) for split in ("train", "validation", "test")},
        "examples": labelled.about,
    }
    shown: dict[str, np.ndarray] = {}
    by_start = {start: _runs_of(runs, start) for start in STARTS}
    metrics["seeds"] = sorted(by_start[PRETRAINED])
    for start, found in by_start.items():
        made = {number: load_predictions(folder) for number, (folder, _) in found.items()}
        by_seed = {split: {number: arrays[split] for number, arrays in made.items()} for split in SHOWN}
        metrics[start] = summarise_runs(
            labelled.target,
            labelled.truth[test],
            by_seed["test"],
            (labelled.truth[validation], by_seed["validation"]),
            groups,
            seed,
        )
        metrics[start]["runs"] = [about for _, about in found.values()]
        shown[start] = made[metrics[start]["kept_seed"]]["test"]
    floor = load_file(floors)
    for contestant in FLOORS:
        metrics[contestant] = summarise(labelled.target, labelled.truth[test], floor[contestant], groups, seed)
        shown[contestant] = floor[contestant]
    metrics["few_shot"] = None if few_shot is None else read_json(few_shot)
    output = Path(output)
    kept, _ = by_start[PRETRAINED][metrics[PRETRAINED]["kept_seed"]]
    for file in (HEAD, ABOUT):
        with atomic_path(output / file) as temporary:
            shutil.copyfile(kept / file, temporary)
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

    `{contestant}_{name}` are probabilities or values; of runs those of the seed that validation finds best.
    """
    test = examples.rows("test")
    names = np.array(examples.target.names)
    table = examples.frame.iloc[test].drop(columns=["split", "group"]).reset_index(drop=True)
    truth = examples.truth[test]
    columns: dict[str, Any] = {}
    if examples.target.kind == "classes":
        columns["label"] = names[truth]
    else:
        columns |= {name: truth[:, number] for number, name in enumerate(names)}
    for contestant, values in predictions.items():
        if examples.target.kind == "classes":
            columns[f"{contestant}_class"] = names[values.argmax(axis=1)]
        columns |= {f"{contestant}_{name}": values[:, number] for number, name in enumerate(names)}
    with atomic_path(path) as temporary:
        pd.concat([table, pd.DataFrame(columns)], axis=1).to_parquet(temporary, index=False)
