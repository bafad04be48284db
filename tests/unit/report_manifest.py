"""A small manifest with the files it names, as the workflow would make them, for tests of the report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CLASSES = ["CDS", "intergenic"]


def write_json(path: Path, value: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return str(path)


def write_table(path: Path, frame: pd.DataFrame) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, sep="\t", index=False)
    return str(path)


def interval(name: str, value: float, half: float = 0.02) -> dict[str, float]:
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def write_manifest(results: Path, name: str = "demo", genome: str = "yeast") -> dict[str, Any]:
    """Write the results of one model under `results`; return the manifest of a report on them."""
    return {
        "title": f"Study of {genome}",
        "results": ".",
        "config": {"seed": 1, "models": {name: {"corpus": "small"}}},
        "genomes": [{"name": genome, **_genome(results / "genomes" / "g")}],
        "corpora": [{"name": "small", "corpus_json": _corpus(results / "corpora" / "small", genome)}],
        "models": [{"name": name, "corpus": "small", **_model(results / "models" / "m")}],
        "embeddings": [{"genome": genome, "model": name, **_embeddings(results / "embeddings" / "g" / "m")}],
        "tasks": [{"task": "regions", "model": name, "metrics": _task(results / "tasks" / "regions" / "m")}],
        "variants": [{"name": "calls", "genome": genome, "model": name, **_variants(results / "variants" / "calls")}],
    }


def _genome(folder: Path) -> dict[str, str]:
    contigs = [{"name": "chrI", "length": 600_000}, {"name": "chrII", "length": 634_567}]
    counts = {"length": 1_234_567, "n": 12_346, "gaps": 3, "iupac": 17, "soft_masked": 61_728, "gc": 470_000}
    cleaned = {
        "dropped": [{"name": "MT", "length": 85_779, "reason": "pattern"}],
        "duplicates": [["chrI", "chrI_copy"]],
        "repeats": {"intervals": 12, "bases": 3_400, "unknown_contigs": ["chrZ"]},
    }
    annotation = {"genes": 612, "transcripts": 613, "notes": ["no repeats: they are counted as intergenic"]}
    haplotype = {"sample": "S1", "haplotype": 2, "applied": {"snv": 40, "deletion": 2}, "unphased": 1} | {
        "skipped": {"OVERLAP": {"count": 3, "examples": []}, "SYMBOLIC": {"count": 0, "examples": []}}
    }
    (folder / "genome.fa.gz").parent.mkdir(parents=True, exist_ok=True)
    (folder / "genome.fa.gz").touch()
    return {
        "genome_json": write_json(folder / "genome.json", {**counts, **cleaned, "contigs": contigs}),
        "annotation_json": write_json(folder / "annotation.json", annotation),
        "haplotype_json": write_json(folder / "haplotype.json", haplotype),
    }


def _corpus(folder: Path, genome: str) -> str:
    windows = {genome: {"train": 4321, "validation": 987, "test": 0}}
    contigs = {genome: {"train": ["chrII"], "validation": ["chrI"], "test": []}}
    leaked = {"windows": 987, "shared": 0.0432, "mean": 0.0615, "dropped": 0}
    leakage = {"kmer": 21, "max_shared": 0.5, "drop": False, "genomes": {genome: {"validation": leaked}}}
    manifest = {"settings": {"window": 512}, "windows": windows, "contigs": contigs, "leakage": leakage}
    return write_json(folder / "corpus.json", manifest)


def _model(folder: Path) -> dict[str, str]:
    regions = [
        {"region": "CDS", "positions": 6000, "bits_per_base": 1.8, "accuracy": 0.35, "markov_bits_per_base": 1.85},
        {"region": "intergenic", "positions": 4000, "bits_per_base": 1.95, "accuracy": 0.3}
        | {"markov_bits_per_base": 1.94},
    ]
    metrics = {
        "bits_per_base": 1.8765,
        "bits_per_base_se": 0.002,
        "accuracy": 0.3412,
        "markov_bits_per_base": 1.9123,
        "markov": {
            "left": {"order": 5, "bits_per_base": 1.9346, "accuracy": 0.32},
            "both": {"order": 2, "bits_per_base": 1.9123, "accuracy": 0.33},
        },
        "gain": 0.0358,
        "gain_se": 0.001,
        "positions": 10_000,
        "tokens_seen": 2_400_000,
        "seconds": 600.0,
        "parameters": 123_456,
        "regions": regions,
    }
    rows = [
        (step, step * 1000, 1.0, split, 2 - step / 2e4, 0.3, 1e-3)
        for step in range(100, 2401, 100)
        for split in ("train", "validation")
    ]
    columns = ["step", "tokens", "seconds", "split", "bits_per_base", "accuracy", "learning_rate"]
    return {
        "metrics": write_json(folder / "metrics.json", metrics),
        "curves": write_table(folder / "curves.tsv", pd.DataFrame(rows, columns=columns)),
        "config": write_json(folder / "config.json", {"architecture": "convnet"}),
    }


def _embeddings(folder: Path) -> dict[str, str]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"contig": "chrI", "start": np.arange(200) * 256})
    frame["end"] = frame["start"] + 512
    frame["region"] = random.choice(CLASSES, len(frame))
    for column in ("gc", "soft_masked", "umap_1", "umap_2", "pca_1", "pca_2"):
        frame[column] = random.random(len(frame)).astype(np.float32)
    metrics = {
        **interval("balanced_accuracy", 0.8123),
        **interval("balanced_accuracy_6mer", 0.8234),
        **interval("balanced_accuracy_3mer", 0.7012),
        **interval("balanced_accuracy_untrained", 0.6543),
        "windows": 200,
        "classified": 200,
        "classes": {"CDS": 120, "intergenic": 80},
        "left_out": {"ncRNA": 4},
        "dropped": {"not_finite": 2, "no_bases": 1},
        "fold_kind": "contigs",
        "folds": [{"contigs": ["chrI"]}, {"contigs": ["chrII"]}],
        "confusion": {"labels": CLASSES, "counts": [[100, 20], [10, 70]]},
    }
    return {
        "umap": write_table(folder / "umap.parquet", frame),
        "metrics": write_json(folder / "metrics.json", metrics),
    }


def _classifier(accuracy: float) -> dict[str, Any]:
    per_class = [{"class": name, "n": 50, "f1": accuracy, "auroc": 0.9, "auprc": 0.9} for name in CLASSES]
    scores = {"accuracy": accuracy, "macro_f1": accuracy, "auroc": 0.9, "auprc": 0.9, "per_class": per_class}
    curves = {"roc": {"x": [0, 0.2, 1], "y": [0, 0.9, 1]}, "pr": {"x": [0, 0.9, 1], "y": [1, 0.8, 0.5]}}
    intervals = {**interval("balanced_accuracy", accuracy), **interval("mcc", 0.5), "interval": "groups"}
    return {**scores, **intervals, **curves, "confusion": [[40, 10], [5, 45]]}


def _task(folder: Path) -> str:
    metrics = {
        **{"task": "regions", "model": "demo", "kind": "region_class", "mode": "full", "target": "classes"},
        **{"classes": CLASSES, "seeds": [1], "few_shot": None},
        **{"n_train": 300, "n_validation": 50, "n_test": 100},
        "pretrained": _classifier(0.8512),
        "from_scratch": _classifier(0.8401),
        "kmer": _classifier(0.9034),
        "majority": {"accuracy": 0.5, "balanced_accuracy": 0.5},
    }
    return write_json(folder / "metrics.json", metrics)


def _variants(folder: Path) -> dict[str, str]:
    random = np.random.default_rng(0)
    kinds = ["stop_gained", "synonymous_variant", "missense_variant", ""]
    frame = pd.DataFrame({"llr": random.normal(size=400).astype(np.float32), "consequence": random.choice(kinds, 400)})
    frame.loc[:9, "llr"] = np.nan
    sizes = {"negatives": "synonymous_variant", "n_positives": 90, "n_negatives": 95, "n": 185}
    unknown = dict.fromkeys(f"{name}{end}" for name in ("auroc", "markov_auroc") for end in ("", "_low", "_high"))
    comparisons = [
        {"positives": "stop_gained", **sizes, **interval("auroc", 0.7123), **interval("markov_auroc", 0.6012)},
        {"positives": "missense_variant", **sizes, **interval("auroc", 0.51), **interval("markov_auroc", 0.52)},
        {"positives": "stop_lost", **sizes, **unknown},
    ]
    summary = {"records": 400, "alleles": 400, "scored": 390, "unscored": {"REF_MISMATCH": 10}, "contigs": ["chrI"]}
    vcf = folder / "m.vcf.gz"
    paths = {
        "labelled": write_table(folder / "m.labelled.parquet", frame),
        "metrics": write_json(folder / "m.metrics.json", comparisons),
        "summary": write_json(folder / "m.summary.json", summary),
        "vcf": str(vcf),
    }
    vcf.touch()
    return paths
