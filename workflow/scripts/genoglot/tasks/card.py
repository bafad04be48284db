"""The model card of an exported head: what it is, how good it is beside its baselines, and how to use it."""

from collections.abc import Mapping
from typing import Any

from genoglot.tasks import FROM_SCRATCH, PRETRAINED
from genoglot.tasks.metrics import WITH_INTERVALS

CARD = "README.md"
CONTESTANTS = {
    PRETRAINED: "this head (mean over its trainings)",
    FROM_SCRATCH: "the same network from random weights",
    "kmer": "k-mers",
    "neighbours": "nearest neighbours among the model's vectors",
    "majority": "commonest class, or mean",
}
# what a user makes of logits, in words and in torch
FINISHED = {
    "classes": ("probabilities of the classes", "logits.softmax(-1)"),
    "labels": ("a probability of each label", "logits.sigmoid()"),
    "values": ("values, in the units of the training data", "logits"),
}
PROGRAM = """\
import torch
from transformers import {auto}, AutoTokenizer

folder = "{folder}"
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
model = {auto}.from_pretrained(folder, trust_remote_code=True).eval()
length = model.config.sequence_length


def fitted(sequence):
    # the middle of a longer sequence; N on both sides of a shorter one
    cut = max(0, (len(sequence) - length + 1) // 2)
    sequence = sequence[cut : cut + length]
    return ("N" * ((length - len(sequence)) // 2) + sequence).ljust(length, "N")


def predict(sequences):
    inputs = tokenizer([fitted(sequence) for sequence in sequences], padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
    return {finish}
"""
BOTH = """\


def reverse_complement(sequence):
    return sequence.translate(str.maketrans("ACGTacgt", "TGCAtgca"))[::-1]


def predict_both(sequences):
    sequences = [fitted(sequence) for sequence in sequences]
    other = predict([reverse_complement(sequence) for sequence in sequences])
    return (predict(sequences) + {turned}) / 2
"""
# predictions of reverse complements as those of the strand as given
TURNED = {"whole": "other", "bins": "other.flip(1)", "mirrored": "other.flip(1)[..., model.config.mirror]"}


def model_card(about: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Markdown.

    Args:
        about: `head.json`.
        metrics: `metrics.json` of the task.
    """
    kind, names, settings = about["target"], about["names"], about["settings"]
    both, size = settings["strands"] == "both", about["bin"]
    each = "" if not size else " of each base" if size == 1 else f" of each {size:,} bases"
    tag = "token-classification" if size else "text-classification"
    strands = (
        "It was trained on both strands, and its measures are those of the mean over the two: `predict` reads one "
        "strand, `predict_both` is that mean."
        if both
        else "It reads the strand as it is given, 5' to 3'."
    )
    parts = [
        f"---\nlibrary_name: transformers\npipeline_tag: {tag}\ntags: [dna, genomics, genoglot]\n---",
        f"# {about['task']}, learnt by {about['backbone']}",
        f"A head for the task `{about['task']}` on the genomic language model `{about['backbone']}`, trained by "
        f"Genoglot in mode {settings['mode']} on {metrics['n_train']:,} examples. It reads DNA sequences of "
        f"{about['length']:,} bases and gives {FINISHED[kind][0]}{each}: {', '.join(f'`{name}`' for name in names)}.",
        f"## Measures\n\n{_measures(kind, metrics)}",
        f"## Use\n\ntransformers alone reads this folder; `trust_remote_code` because the network's code lies in it. "
        f"{strands}\n\n```python\n{_program(about, both)}```",
    ]
    return "\n\n".join(parts) + "\n"


def _program(about: Mapping[str, Any], both: bool) -> str:
    filled = {
        "folder": "path/of/this/folder",
        "auto": "AutoModelForTokenClassification" if about["bin"] else "AutoModelForSequenceClassification",
        "finish": FINISHED[about["target"]][1],
        "turned": TURNED["whole" if not about["bin"] else "mirrored" if about["mirror"] else "bins"],
    }
    program = PROGRAM + (BOTH if both else "")
    for name, value in filled.items():
        program = program.replace(f"{{{name}}}", value)
    return program


def _measures(kind: str, metrics: Mapping[str, Any]) -> str:
    """A table of all contestants, with intervals where there are some."""
    measures = [name for name in WITH_INTERVALS[kind] if name in metrics[PRETRAINED]]
    lines = [
        f"Of {metrics['n_test']:,} test examples, with 95% intervals.\n",
        f"| | {' | '.join(name.replace('_', ' ') for name in measures)} |",
        f"| --- |{' --- |' * len(measures)}",
    ]
    for contestant, words in CONTESTANTS.items():
        if found := metrics.get(contestant):
            lines.append(f"| {words} | {' | '.join(_number(found, name) for name in measures)} |")
    return "\n".join(lines)


def _number(found: Mapping[str, Any], name: str) -> str:
    value, low, high = (found.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "n/a"
    return f"{value:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else "")
