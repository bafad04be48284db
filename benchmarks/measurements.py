"""What `run.py` can measure, in groups.

The first measurement of a group is the baseline of those after it, up to the next that says it is one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import convnet
import data
import embeddings
import models
import scans
import trainer
import tuning
from measure import Result


class Measurement(NamedTuple):
    """What it is, its unit, the function that makes it and that function's arguments."""

    label: str
    unit: str
    function: Callable[..., Result]
    options: dict[str, Any]
    baseline: bool = False


RATE = "tokens/s"


def _training(label: str, **options: Any) -> Measurement:
    return Measurement(f"training, {label}", RATE, models.training_rate, options)


def _convnet(label: str, baseline: bool = False, **options: Any) -> Measurement:
    return Measurement(f"GPN's small shape, {label}", RATE, convnet.rate, options, baseline)


def _library(label: str, **options: Any) -> Measurement:
    return Measurement(f"training, GPN's small shape, {label}", RATE, tuning.library, options)


def _tried(label: str, **options: Any) -> Measurement:
    return Measurement(f"training, tried: {label}", RATE, tuning.tried, options)


def _embedding(label: str, **options: Any) -> Measurement:
    return Measurement(f"embedding, {label}", "windows/s", embeddings.workflow_rate, options)


def _end_to_end(size: str) -> list[Measurement]:
    label = f"training end to end, convnet of {size} parameters"
    baseline = trainer.hugging_face_rate
    return [
        Measurement(f"{label}, Trainer of Hugging Face, text", RATE, baseline, {"size": size, "plain": True}, True),
        Measurement(
            f"{label}, the same, a process that tokenizes", RATE, baseline, {"size": size, "plain": True, "workers": 1}
        ),
        Measurement(f"{label}, Trainer, the library's network", RATE, baseline, {"size": size}),
        Measurement(f"{label}, the workflow", RATE, trainer.workflow_rate, {"size": size}),
    ]


MEASUREMENTS: dict[str, list[Measurement]] = {
    "memory": [
        _training("cloze, freed memory returned", shape="cloze", keep_memory=False),
        _training("cloze, freed memory kept", shape="cloze"),
    ],
    "precision": [
        _training("cloze, float32", shape="cloze"),
        _training("cloze, bfloat16", shape="cloze", precision="bfloat16"),
    ],
    "architecture": [
        _training("convnet, float32", shape="convnet"),
        _training("cloze, float32", shape="cloze"),
    ],
    "scoring": [
        Measurement("scoring, one window a site", "sites/s", models.scoring_rate, {"how": "one by one"}),
        Measurement("scoring, tiled", "sites/s", models.scoring_rate, {"how": "tiled"}),
    ],
    "scan": [
        Measurement("scan, GPN's small shape, exact", "bases/s", scans.scan_rate, {"mode": "exact", "bases": 1024}),
        Measurement(
            "scan, GPN's small shape, packed, same sites", "bases/s", scans.scan_rate, {"mode": "packed", "bases": 1024}
        ),
        Measurement("scan, GPN's small shape, packed", "bases/s", scans.scan_rate, {"mode": "packed", "bases": 16_384}),
    ],
    "embeddings": [
        Measurement(
            "embedding, a batch of 128 after another, model and twin",
            "windows/s",
            embeddings.plain_rate,
            {"windows": 128},
        ),
        _embedding("exact, all by the twin", windows=256, mode="exact", perplexity=False, compared=256),
        _embedding("exact, a fifth by the twin, with perplexity", windows=256, mode="exact"),
        _embedding("packed, all by the twin", windows=512, perplexity=False, compared=512),
        _embedding("packed, a fifth by the twin", windows=512, perplexity=False),
        _embedding("packed, a fifth by the twin, with perplexity", windows=512),
        _embedding("packed, neither twin nor perplexity", windows=512, perplexity=False, compared=0),
    ],
    "maps": [
        Measurement(
            f"analysis of 50,000 windows, {step}", "s", embeddings.analysis_seconds, {"windows": 50_000, "step": step}
        )
        for step in ("components", "clusters", "neighbours", "umap")
    ],
    "gather": [
        Measurement("gathering a scan of 2 Mb", "s", scans.gather_seconds, {"megabases": 2}),
        Measurement("gathering a scan of 12 Mb", "s", scans.gather_seconds, {"megabases": 12}),
        Measurement("a track of 12 Mb, pyBigWig", "s", scans.track_seconds, {"how": "pyBigWig", "megabases": 12}, True),
        Measurement("a track of 12 Mb, bigtools", "s", scans.track_seconds, {"how": "bigtools", "megabases": 12}),
    ],
    "trainer": [*_end_to_end("2M"), *_end_to_end("0.4M")],
    "convnet": [
        Measurement("matrix products, 2048, float32", "GFLOP/s", convnet.matmul, {"precision": "float32"}),
        Measurement("matrix products, 2048, bfloat16", "GFLOP/s", convnet.matmul, {"precision": "bfloat16"}),
        _convnet("training, as published, float32", baseline=True, step="training", published=True),
        _convnet("training, float32", step="training"),
        _convnet("training, bfloat16", step="training", precision="bfloat16"),
        _convnet("training, compiled, float32", step="training", compiled=True),
        _convnet("training, compiled, bfloat16", step="training", precision="bfloat16", compiled=True),
        _convnet("inference, as published, float32", baseline=True, step="inference", published=True),
        _convnet("inference, float32", step="inference"),
        _convnet("inference, bfloat16", step="inference", precision="bfloat16"),
        _convnet("inference, compiled, float32", step="inference", compiled=True),
        _convnet("inference, compiled, bfloat16", step="inference", precision="bfloat16", compiled=True),
    ],
    "tuning": [
        _library("the library"),
        _library("freed memory returned", keep_memory=False),
        _library("torch.compile", compiled=True),
        _library("bfloat16", precision="bfloat16"),
        _tried("the convolution as conv1d", convolution="conv1d"),
        _tried("as conv2d with channels last", convolution="channels last"),
        _tried("as one matrix product over shifted copies", convolution="one product"),
        _tried("as a matrix product for each tap", convolution="products"),
        _tried("conv1d, GELU", convolution="conv1d", activation="GELU"),
        _tried("conv1d, ReLU", convolution="conv1d", activation="ReLU"),
        _tried("conv1d, logits of every position", convolution="conv1d", everywhere=True),
        _tried("conv1d, 8 windows at a time", convolution="conv1d", parts=8),
        _tried("channels last, 8 windows at a time", convolution="channels last", parts=8),
        _tried("one product, 8 windows at a time", convolution="one product", parts=8),
        _tried("channels last, torch.compile", convolution="channels last", compiled=True),
        _tried("one product, torch.compile", convolution="one product", compiled=True),
        _tried("channels last, bfloat16", convolution="channels last", precision="bfloat16"),
        _tried("one product, bfloat16", convolution="one product", precision="bfloat16"),
    ],
    "ready": [
        Measurement("12 Mb, FASTA to windows of text, as GPN's workflow", "s", data.text_seconds, {"how": "pandas"}),
        Measurement("12 Mb, FASTA to windows of text, a plain loop", "s", data.text_seconds, {"how": "loop"}),
        Measurement("12 Mb, FASTA to tokens and windows", "s", data.ready_seconds, {"megabases": 12}),
        Measurement("12 Mb, windows from tokens", "s", data.ready_seconds, {"megabases": 12, "tokens": False}),
        Measurement("48 Mb, FASTA to tokens and windows", "s", data.ready_seconds, {"megabases": 48}),
    ],
    "loader": [
        Measurement("loader, text windows, a tokenizer, masks", RATE, data.text_loader_rate, {}),
        Measurement("loader, masks and reverse complements", RATE, data.loader_rate, {"mask_rate": 0.15}),
        Measurement("loader, reverse complements", RATE, data.loader_rate, {"mask_rate": None}),
    ],
    "leakage": [
        Measurement("leakage, 12 Mb against 0.6 Mb held out", "s", data.leakage_seconds, {"megabases": 12}),
        Measurement("leakage, 48 Mb against 2.4 Mb held out", "s", data.leakage_seconds, {"megabases": 48}),
    ],
    "thousand": [
        Measurement("dry run, a sheet of 1,000 genomes in one corpus", "s", data.dry_run_seconds, {"genomes": 1000})
    ],
    "large": [
        Measurement("3.1 Gb, FASTA (gzip) to tokens", "s", data.large_seconds, {"step": "genome"}),
        Measurement("3.1 Gb, windows", "s", data.large_seconds, {"step": "windows"}),
        Measurement("3.1 Gb, bytes on disk a base, tokens and windows", "", data.large_seconds, {"step": "disk"}),
    ],
}
# those measured only if asked for: some ten minutes each, and 6 GB of disk for the last
LONG = {"trainer", "tuning", "large"}
