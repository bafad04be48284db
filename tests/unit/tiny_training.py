"""A corpus on which something can be learnt in a dozen steps, settings to match, and runs of training on it.

Run as a script, with a JSON file of the arguments of `pretrain`, it trains in a process of its own.
"""

import atexit
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam
from safetensors.numpy import load_file
from tiny_corpus import corpus_settings

from genoglot.corpus.batches import TrainingBatches
from genoglot.corpus.manifest import build_corpus
from genoglot.corpus.windows import make_windows
from genoglot.genome.store import Genome
from genoglot.model.presets import resolve
from genoglot.processes import is_first
from genoglot.scripting import logged
from genoglot.training.budget import Plan
from genoglot.training.curves import read_curves
from genoglot.training.distribution import start_on_all_nodes
from genoglot.training.estimate import Estimate
from genoglot.training.memory import resident_memory
from genoglot.training.pretraining import pretrain

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
WINDOW = 64
SETTINGS = corpus_settings(window=WINDOW, step=32, max_n=0.1)
STEP = 512  # bases
TRAINING: dict[str, Any] = {
    "max_tokens": 12 * STEP,
    "batch_tokens": STEP,
    # that of a batch of 16,384 bases; this one has a 32nd of them
    "learning_rate": 0.06,
    "weight_decay": 0.01,
    "warmup_tokens": 2 * STEP,
    "schedule": "linear",
    "clip": 1.0,
    "ema": 0.0,
    "mask_rate": 0.15,
    "mask_span": 1,
    "soft_mask_weight": 0.1,
    "lm_weight": 1.0,
    "region_weight": 0.0,
    "length_warmup": {"window": None, "tokens": 0},
    "validate_every": 4,
    "patience": 10,
    "validation_windows": 16,
    "checkpoint_every": 4,
    "log_every": 2,
    "precision": "float32",
}
HARDWARE: dict[str, Any] = {
    "devices": 1,
    "nodes": 1,
    "strategy": "auto",
    "accumulate": 1,
    "compile": False,
    "activation_checkpointing": False,
}
_TINY = {"dim": 16, "layers": 2}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "cloze": {**_TINY, "left_kmer": 3, "flank_kmer": 2},
    "convnet": {**_TINY, "kernel_size": 3, "ngram": 3},
    "encoder": {**_TINY, "heads": 2, "ngram": 3},
    "decoder": {**_TINY, "heads": 2, "ngram": 3},
    "hyena": {**_TINY, "ngram": 3},
    "hybrid": {**_TINY, "heads": 2, "ngram": 3, "kernel_size": 3, "stem_layers": 1},
}


def architecture(kind: str, single: bool = True, **changes: Any) -> dict[str, Any]:
    """A tiny network; n-grams are for single bases."""
    shape = {key: value for key, value in ARCHITECTURES[kind].items() if single or key != "ngram"}
    return resolve({"type": kind, "size": "tiny", **shape, **changes}, single)


BLOCK = 640
WORDS = {"intergenic": ["ACGTTGCA", "GGATCC"], "CDS": ["TTTTAAAC", "CAGCAG"]}


def repetitive(length: int, seed: int) -> str:
    """Sequence from a few words, others in each class of region, so that a dozen steps teach something of both."""
    rng = np.random.default_rng(seed)
    blocks = ["".join(rng.choice(WORDS[name], BLOCK // 6 + 1))[:BLOCK] for name in _classes(length)]
    return "".join(blocks)[:length]


def _classes(length: int) -> list[str]:
    """Classes of the blocks of a contig."""
    return [("intergenic", "CDS")[number % 2] for number in range(-(-length // BLOCK))]


def write_regions(folder: Path, contigs: dict[str, str]) -> None:
    """`regions.bed.gz` of contigs from `repetitive`."""
    rows = [
        f"{contig}\t{number * BLOCK}\t{min((number + 1) * BLOCK, len(text))}\t{name}\n"
        for contig, text in contigs.items()
        for number, name in enumerate(_classes(len(text)))
    ]
    (folder / "regions.bed").write_text("".join(rows))
    pysam.tabix_index(str(folder / "regions.bed"), preset="bed", force=True)


CONTIGS = {"one": repetitive(24_000, 1), "two": repetitive(12_000, 2)}


class TinyCorpus:
    """A corpus of one genome with two contigs, in a folder, and runs of training on it."""

    def __init__(self, folder: Path, genome: Genome, genomes: dict[str, Path]):
        self.folder, self.genome, self.sequences = folder, genome, {"g": genome.folder}
        make_windows(genome.folder, folder / "part", "g", SETTINGS, 1)
        outputs = folder / "windows", folder / "corpus.json"
        build_corpus([folder / "part"], *outputs, "c", SETTINGS, genomes, self.sequences, {"g": "g"}, 1)
        write_regions(folder, CONTIGS)

    def arguments(self, name: str = "model", kind: str = "cloze", **changes: Any) -> dict[str, Any]:
        """Arguments of `pretrain`; those of `training` and `hardware` are changed key by key."""
        settings = {"training": TRAINING, "hardware": HARDWARE}
        merged = {key: {**value, **changes.pop(key, {})} for key, value in settings.items()}
        return {
            "windows": self.folder / "windows",
            "manifest": self.folder / "corpus.json",
            "sequences": self.sequences,
            "output": self.folder / name,
            "state": self.folder / f"{name}.state",
            "architecture": architecture(kind),
            "seed": 1,
            "threads": 1,
            **merged,
            **changes,
        }

    def train(self, name: str = "model", kind: str = "cloze", **changes: Any) -> Path:
        """Train in this process; gives the folder of the model."""
        arguments = self.arguments(name, kind, **changes)
        pretrain(**arguments)
        folder = arguments["output"]
        assert isinstance(folder, Path)
        return folder

    def start(self, name: str, launcher: tuple[str, ...] = (), env: Any = None, **changes: Any) -> subprocess.Popen:
        """Begin to train in a process of its own, or in those that a launcher starts."""
        record = self.folder / f"{name}.json"
        record.write_text(json.dumps(self.arguments(name, **changes), default=str))
        command = [sys.executable, *launcher, __file__, str(record)]
        path = os.pathsep.join([str(SCRIPTS), str(Path(__file__).parent)])
        settings = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **(env or {})}
        settings = {key: value for key, value in settings.items() if value is not None}
        return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def curves(folder: Path, split: str = "train") -> pd.DataFrame:
    table = read_curves(folder / "curves.tsv")
    return table[table["split"] == split].drop(columns="seconds").reset_index(drop=True)


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Whether two models have the same weights, bit for bit."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def send_signal_at(step: int, signum: int) -> None:
    """Have this process get a signal while it prepares a batch of a step; of several, the last alone."""
    real = TrainingBatches.at

    def at(self: TrainingBatches, number: int, part: int = 0) -> dict[str, Any]:
        if number == step and part == self.accumulate - 1 and ("LOCAL_RANK" not in os.environ or not is_first()):
            os.kill(os.getpid(), signum)
        return real(self, number, part)

    TrainingBatches.at = at  # type: ignore[method-assign]


def record_rows(folder: Path) -> None:
    """Have this process write down the training windows of each of its steps."""
    real = TrainingBatches._windows

    def windows(self: TrainingBatches, step: int, part: int) -> tuple[np.ndarray, np.ndarray]:
        rows, turned = real(self, step, part)
        with open(folder / f"rows.{self.begin}", "a") as handle:
            handle.write(json.dumps([step, part, rows.tolist()]) + "\n")
        return rows, turned

    TrainingBatches._windows = windows  # type: ignore[method-assign]


def record_memory(path: Path) -> None:
    """Have this process write down its memory before training, what was estimated, and the most it had after all."""
    real = Plan.check

    def check(self: Plan, memory_mb: int | None) -> Estimate:
        before = resident_memory()
        cost = real(self, memory_mb)
        holes = self.memory(cost, lean=False) - self.memory(cost)

        def report() -> None:
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            path.write_text(json.dumps({"lean": cost.memory, "kept": cost.memory + holes, "most": most - before}))

        atexit.register(report)
        return cost

    Plan.check = check  # type: ignore[method-assign]


def main() -> None:
    """What the environment asks for, then training with the arguments of the file given."""
    given = Path(sys.argv[1])
    if signals := os.environ.get("TINY_SIGNAL"):
        send_signal_at(*map(int, signals.split("@")))
    if rows := os.environ.get("TINY_ROWS"):
        record_rows(Path(rows))
    if memory := os.environ.get("TINY_MEMORY"):
        record_memory(Path(memory))
    arguments = json.loads(given.read_text())
    with logged(given.with_suffix(".log")):
        start_on_all_nodes(arguments["hardware"]["nodes"], arguments["threads"])
        pretrain(**arguments)


if __name__ == "__main__":
    main()
