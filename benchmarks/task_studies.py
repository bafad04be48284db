"""Studies of tasks that `tasks.py` runs: their configurations, and the files of sequences that they read.

Each of `STUDIES` writes such files into a folder and returns a configuration.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

GUE = {
    "prom_core_tata": "prom/prom_core_tata",
    "prom_core_all": "prom/prom_core_all",
    "tf_0": "tf/0",
    "tf_3": "tf/3",
}
GUE_FILES = {"train": "train", "validation": "dev", "test": "test"}
SLOT = 128  # bases of a window of GUE's corpus
COMPLEMENT = str.maketrans("ACGT", "TGCA")
SPLITS = 5
SHARES = {"test": 0.2, "validation": 0.1}  # the others train
CNNPROM = {
    "arabidopsis": ("Arabidopsis_tata.fa.gz", "Arabidopsis_non_prom.fa.gz"),
    "ecoli": ("Ecoli_prom.fa.gz", "Ecoli_non_prom.fa.gz"),
}
REGULARISED = {"weight_decay": 0.05, "dropout": 0.3, "network_dropout": 0.3}
YEAST = "yeast/Saccharomyces_cerevisiae.R64-1-1"
YEAST_FASTA = f"{YEAST}.dna.primary_assembly.fa.gz"


def gue(data: Path, folder: Path) -> dict[str, Any]:
    """GUE's promoters and binding sites; pretraining on a human megabase and on training sequences without labels."""
    tables = {
        task: {split: str(data / "gue" / path / f"{file}.csv.gz") for split, file in GUE_FILES.items()}
        for task, path in GUE.items()
    }
    sequences = {
        split: [each for files in tables.values() for each in pd.read_csv(files[split])["sequence"]]
        for split in GUE_FILES
    }
    own = folder / "unlabelled.fa.gz"
    write_fasta(own, in_slots(unlabelled(sequences["train"], sequences["validation"] + sequences["test"])))
    write_sheet(folder, chr21=data / "human_chr21/chr21_24985581_26000306.fa.gz", unlabelled=own)
    few = {"epochs": 10, "batch_size": 64, "learning_rate": 1e-3, "models": ["wide"]}
    many = {
        "patience": 8,
        "batch_size": 128,
        "learning_rate": 3e-3,
        "models": ["narrow"],
        **REGULARISED,
    }
    particular = {
        "prom_core_tata": {"strands": "given", **few},
        "prom_core_all": {"strands": "given", "epochs": 10, **many},
        "tf_0": {"strands": "both", "epochs": 8, **many},
        "tf_3": {"strands": "both", "epochs": 8, **many},
    }
    return {
        "corpora": {
            "megabase": {"genomes": ["chr21"], "window": SLOT, "step": SLOT // 2, "split": {"by": "hash"}},
            "human": {
                "genomes": ["chr21", "unlabelled"],
                "window": SLOT,
                "step": SLOT,
                # a promoter of 70 bases has N around it in its window
                "max_n": 0.5,
                "split": {"by": "hash"},
            },
        },
        "models": {
            "wide": {
                "corpus": "megabase",
                "architecture": {"type": "convnet", "layers": 4},
                "training": {**training(4_000_000, batch=8192), "validate_every": 250},
            },
            "narrow": {
                "corpus": "human",
                "architecture": {"type": "convnet", "layers": 4, "dim": 64, "dropout": 0.1},
                "training": training(30_000_000, batch=16384),
            },
        },
        "tasks": {
            task: {"kind": "classification", "sequences": files, "seeds": 3, **particular[task]}
            for task, files in tables.items()
        },
    }


def cnnprom(data: Path, folder: Path) -> dict[str, Any]:
    """CNNProm's promoters of two species, each in seeded splits; a model on another genome, and one on E. coli's."""
    tasks = {}
    for species, files in CNNPROM.items():
        parts = [read_fasta(data / "cnnprom" / file) for file in files]
        labels = np.repeat(["promoter", "other"], [len(part) for part in parts])
        frame = pd.DataFrame({"sequence": [*parts[0], *parts[1]], "label": labels}).drop_duplicates()
        for number in range(1, SPLITS + 1):
            path = folder / f"{species}_{number}.csv"
            frame.assign(split=drawn_split(frame["label"], number)).to_csv(path, index=False)
            tasks[f"{species}_{number}"] = {
                "kind": "classification",
                "sequences": {"train": str(path)},
                "split": {"by": "column"},
                "strands": "given",
                "seeds": 1,
                "epochs": 12,
                "patience": 12,
                "batch_size": 32,
                "learning_rate": 2e-3,
                "models": [species],
                **REGULARISED,
            }
    write_sheet(folder, R64=data / YEAST_FASTA, MG1655=data / "ecoli/MG1655_U00096.fasta.gz")
    network = {"type": "convnet", "layers": 4, "dim": 64}
    return {
        "corpora": {
            "arabidopsis": {"genomes": ["R64"], "window": 256, "step": 256, "split": {"by": "hash"}},
            "ecoli": {"genomes": ["MG1655"], "window": 128, "step": 64, "split": {"by": "hash"}},
        },
        "models": {
            name: {"corpus": name, "architecture": network, "training": training(5_000_000, batch=16384)}
            for name in CNNPROM
        },
        "tasks": tasks,
    }


def few_shot(data: Path, folder: Path) -> dict[str, Any]:
    """Region classes of yeast, chromosome IV held out, from few labels: by a probe and by training the network."""
    write_sheet(folder, {"R64-1-1": data / f"{YEAST}.109.gtf.gz"}, **{"R64-1-1": data / YEAST_FASTA})
    common = {
        "genome": "R64-1-1",
        "seeds": 1,
        "epochs": 2,
        "batch_size": 16,
        "max_per_class": 250,
        "few_shot": {"per_class": [8, 32, 128], "draws": 3},
    }
    return {
        "corpora": {"R64": {"genomes": ["R64-1-1"], "validation": ["IV"]}},
        "models": {
            "net": {
                "corpus": "R64",
                "architecture": {"type": "convnet", "layers": 8, "dim": 64},
                "training": training(15_000_000, batch=8192),
            }
        },
        # a pretrained network may want smaller steps than a random one: validation chooses
        "tasks": {
            "probe": {**common, "mode": "probe"},
            "full": {**common, "mode": "full", "learning_rate": [1e-4, 5e-4, 2e-3]},
        },
    }


STUDIES: dict[str, Callable[[Path, Path], dict[str, Any]]] = {"gue": gue, "cnnprom": cnnprom, "few_shot": few_shot}


def training(tokens: int, batch: int) -> dict[str, Any]:
    return {
        "max_tokens": tokens,
        "batch_tokens": batch,
        "learning_rate": 4e-3,
        "warmup_tokens": tokens // 20,
        "validate_every": max(1, tokens // batch // 8),
    }


def unlabelled(train: Iterable[str], held_out: Iterable[str]) -> list[str]:
    """The training sequences of all tasks, each once, without those that any task tests or chooses epochs by."""
    kept = dict.fromkeys(train)
    for sequence in held_out:
        kept.pop(sequence, None)
        kept.pop(sequence.translate(COMPLEMENT)[::-1], None)
    return list(kept)


def in_slots(sequences: list[str], each: int = 5000) -> Iterator[tuple[str, str]]:
    """Contigs of so many sequences each, by name: each begins at a multiple of `SLOT`, and N fills what it leaves."""
    for number, start in enumerate(range(0, len(sequences), each), start=1):
        yield f"joined{number}", "".join(sequence.ljust(SLOT, "N") for sequence in sequences[start : start + each])


def drawn_split(labels: pd.Series, seed: int) -> np.ndarray:
    """The split of each example: of every class the same shares, drawn with the seed."""
    random = np.random.default_rng(seed)
    split = np.full(len(labels), "train", dtype=object)
    for label in sorted(labels.unique()):
        rows = random.permutation(np.flatnonzero(labels == label))
        first = 0
        for name, share in SHARES.items():
            last = first + round(share * len(rows))
            split[rows[first:last]] = name
            first = last
    return split


def read_fasta(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return ["".join(record.split("\n")[1:]) for record in file.read().split(">")[1:]]


def write_fasta(path: Path, contigs: Iterable[tuple[str, str]]) -> None:
    """Written once, so that nothing that was made of it is made again; without a time in it."""
    if not path.exists():
        text = "".join(f">{name}\n{sequence}\n" for name, sequence in contigs)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_sheet(folder: Path, annotations: dict[str, Path] | None = None, /, **genomes: Path) -> None:
    """`genomes.tsv`: a row a genome, its FASTA, and its annotation if it has one."""
    annotations = annotations or {}
    rows = [f"{name}\t{fasta}\t{annotations.get(name, '')}\n" for name, fasta in genomes.items()]
    (folder / "genomes.tsv").write_text("genome\tfasta\tannotation\n" + "".join(rows))
