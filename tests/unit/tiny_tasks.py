"""A task learnt from region classes, all of its steps, by a small model."""

from pathlib import Path
from typing import Any

from genoglot.examples.reading import read_examples
from genoglot.genome.store import Genome
from genoglot.tasks import STARTS
from genoglot.tasks.baselines import fit_floors
from genoglot.tasks.evaluation import evaluate_task
from genoglot.tasks.runs import finetune_head

SPLIT = {"by": "auto", "column": "split", "validation": 0.1, "test": 0.2, "drop": False}
EXAMPLES: dict[str, Any] = {
    "kind": "region_class", "sequences": None, "columns": {"sequence": "sequence", "label": "label"}, "bed": None,
    "variants": None, "column": 4, "group": None, "split": SPLIT, "crop": False, "max_per_class": None,
    "margin": None, "max_windows": None, "tracks": None, "bin": 128, "aggregate": "mean", "missing": "zero",
    "loss": "poisson",
}  # fmt: skip
TRAINING: dict[str, Any] = {
    "kind": "region_class", "mode": "full", "pooling": "centre", "layer": None, "strands": "both", "epochs": 1,
    "patience": 3, "learning_rate": 1e-3, "layer_decay": 0.9, "weight_decay": 0.01, "dropout": 0.1,
    "network_dropout": None, "batch_size": 16, "balanced": True, "effect": "difference",
    "lora": {"rank": 2, "alpha": 4, "dropout": 0.0}, "precision": "float32",
}  # fmt: skip


def read_regions(
    model: Path, genome: Genome, regions: Path, folder: Path, corpus: dict[str, Any], **changes: Any
) -> None:
    """The first step: `examples.parquet` and `examples.json` of a genome called g."""
    read_examples(model, genome.folder, regions, None, None, folder, EXAMPLES | changes, "g", corpus, 1)


def learn_regions(
    model: Path, genome: Genome, regions: Path, folder: Path, corpus: dict[str, Any], most: int, **changes: Any
) -> None:
    """All steps, with one seed: `metrics.json`, `predictions.parquet` and a head in `folder`."""
    settings = TRAINING | changes
    read_regions(model, genome, regions, folder, corpus, max_per_class=most)
    runs = [folder / "runs" / start for start in STARTS]
    for start, run in zip(STARTS, runs, strict=True):
        finetune_head(model, folder, run, "m", "regions", start, 1, settings, 1)
    fit_floors(model, folder, folder / "floors.safetensors", settings, 1, 1)
    evaluate_task(
        folder, runs, folder / "floors.safetensors", None, folder, "regions", "m", "region_class", settings["mode"], 1
    )
