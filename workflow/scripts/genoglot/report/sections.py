"""The sections of the report on genomes, corpora and models; each from loaded entries (see `inputs`)."""

from typing import Any

from genoglot.report import figures
from genoglot.report.blocks import Block, Bullets, Figure, Heading, Section, Table, Text
from genoglot.report.inputs import read_curves
from genoglot.report.palette import REGION_COLOURS, in_order
from genoglot.report.verdicts import number

SPLITS = ("train", "validation", "test")


def bases(count: float) -> str:
    """A length in the unit that suits it."""
    for size, unit in ((1e9, "Gb"), (1e6, "Mb"), (1e3, "kb")):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count:.0f} bp"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def count(n: int, noun: str) -> str:
    """`1 genome`, `12 genomes`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _share(part: float, whole: float) -> str:
    if not part or not whole:
        return "0"
    share = 100 * part / whole
    return f"{share:.1f}%" if share >= 0.05 else "<0.1%"


def genomes_section(entries: list[dict[str, Any]]) -> Section:
    """What each genome and its annotation hold, and what they cannot tell."""
    if not entries:
        return Section("genomes", "Genomes", "Genomes", missing="No genome is part of this report.")
    rows, notes = [], []
    for entry in entries:
        genome, annotation = entry["genome"], entry.get("annotation")
        length, unknown = genome["length"], genome.get("n", 0)
        genes = transcripts = "n/a"
        if annotation is None:
            notes.append(f"{entry['name']}: no annotation, so no region classes, tasks or consequences.")
        else:
            genes, transcripts = (f"{annotation[key]:,}" for key in ("genes", "transcripts"))
            notes += [f"{entry['name']}: {note}." for note in annotation.get("notes", [])]
        rows.append(
            [
                entry["name"],
                f"{len(genome['contigs']):,}",
                bases(length),
                _share(genome.get("gc", 0), length - unknown),
                _share(unknown, length),
                f"{genome.get('iupac', 0):,}",
                _share(genome.get("soft_masked", 0), length),
                genes,
                transcripts,
            ]
        )
    columns = ["genome", "contigs", "length", "GC", "N", "ambiguity codes", "soft-masked", "genes", "transcripts"]
    caption = (
        "Ambiguity codes (R, Y, K and so on) are read as N, which no model is asked to predict. Soft-masked bases, "
        "lower case in the FASTA, are mostly repeats; they count less in training."
    )
    blocks: list[Block] = [Table(columns, rows, set(range(1, 9)), caption)]
    if notes:
        blocks += [Text("What the annotations cannot tell:"), Bullets(notes)]
    return Section("genomes", "Genomes", "Genomes", blocks)


def corpora_section(entries: list[dict[str, Any]]) -> Section:
    """Windows by split, and what was held out."""
    if not entries:
        return Section("corpora", "Training data", "Training data", missing="No corpus is part of this report.")
    rows: list[list[Any]] = []
    for entry in entries:
        manifest = entry["manifest"]
        settings = manifest.get("settings", {})
        for genome, windows in manifest["windows"].items():
            contigs = manifest.get("contigs", {}).get(genome, {})
            held_out = [f"{split}: {some(contigs[split])}" for split in SPLITS[1:] if contigs.get(split)]
            rows.append(
                [
                    entry["name"],
                    genome,
                    f"{settings['window']:,} bp" if "window" in settings else "n/a",
                    *(f"{windows.get(split, 0):,}" for split in SPLITS),
                    "; ".join(held_out) or "none",
                ]
            )
    columns = ["corpus", "genome", "window", "training", "validation", "test", "contigs held out"]
    caption = (
        "Windows of each genome by their use. A model learns from training windows alone; every likelihood in this "
        "report is of validation windows."
    )
    return Section("corpora", "Training data", "Training data", [Table(columns, rows, {2, 3, 4, 5}, caption)])


def some(names: list[str], most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def learning_section(entries: list[dict[str, Any]]) -> Section:
    """Learning curves of every model, beside the Markov chains."""
    if not entries:
        return Section("learning", "Learning", "Learning", missing="No model is part of this report.")
    blocks: list[Block] = [
        Text(
            "Bits per base is how many bits it takes, on average, to tell which base a hidden position holds once the "
            "model has seen its surroundings: 2 for guessing among four bases, 0 for certainty. Genomes are hard to "
            "predict, and a few hundredths of a bit are a real difference."
        )
    ]
    for index, entry in enumerate(entries):
        metrics = entry["metrics"]
        table = read_curves(entry["paths"]["curves"])
        points = table["split"].value_counts()
        blocks.append(Heading(f"Model {entry['name']}"))
        blocks.append(Text(_trained(entry)))
        caption = (
            f"Learning curve of {entry['name']}: {points.get('train', 0)} points of training and "
            f"{points.get('validation', 0)} of validation. Lower is better. The star is the final evaluation on "
            f"{metrics['positions']:,} hidden positions of validation windows; the horizontal lines are Markov chains "
            "fitted on the same training windows and measured on those same positions. A validation curve that rises "
            "while training falls is overfitting."
        )
        blocks.append(Figure(f"curves-{index}", figures.curves(table, metrics), caption))
        blocks.append(_likelihoods(metrics))
    return Section("learning", "Learning", "Learning", blocks)


def _trained(entry: dict[str, Any]) -> str:
    metrics = entry["metrics"]
    kind = entry.get("architecture", {}).get("architecture", "unnamed")
    parameters = f", {metrics['parameters']:,} parameters" if "parameters" in metrics else ""
    return (
        f"Network of type {kind}{parameters}, trained on corpus {entry['corpus']}: "
        f"{metrics['tokens_seen']:,} bases seen in {duration(metrics['seconds'])}."
    )


def _likelihoods(metrics: dict[str, Any]) -> Table:
    error = metrics.get("bits_per_base_se")
    bits = number(metrics["bits_per_base"]) + (f" ± {1.96 * error:.3f}" if error else "")
    rows = [["model", bits, f"{metrics['accuracy']:.1%}"]]
    for family, words in (("left", "the bases before"), ("both", "the bases on both sides")):
        chain = metrics.get("markov", {}).get(family)
        if chain:
            name = f"Markov chain of order {chain['order']}, {words}"
            rows.append([name, number(chain["bits_per_base"]), f"{chain['accuracy']:.1%}"])
    caption = "Accuracy is how often the likeliest base is the right one; guessing gives about 25%."
    if metrics.get("gain_se") is not None:
        low, high = (metrics["gain"] + sign * 1.96 * metrics["gain_se"] for sign in (-1, 1))
        caption += (
            f" The model saves {metrics['gain']:.4f} bits per base over the better chain "
            f"(95% interval {low:.4f} to {high:.4f}, measured on the same positions)."
        )
    return Table(["predictor", "bits per base", "accuracy"], rows, {1, 2}, caption)


def regions_section(entries: list[dict[str, Any]]) -> Section:
    """Likelihood per region class of every model, beside the Markov chain."""
    title = "Which parts of the genome it predicts"
    blocks: list[Block] = []
    for index, entry in enumerate(entries):
        by_name = {row["region"]: row for row in entry["metrics"].get("regions", [])}
        rows = [by_name[name] for name in in_order(list(by_name), REGION_COLOURS)]
        if not rows or list(by_name) == ["unannotated"]:
            continue
        blocks.append(Heading(f"Model {entry['name']}"))
        caption = (
            f"Bits per base of hidden positions by region class, for {entry['name']} and for the better Markov chain "
            f"on the same positions; {sum(row['positions'] for row in rows):,} positions, their number by class in "
            "brackets. Further left is better: a class whose blue dot lies left of its diamond is one where the model "
            "has learned more than short words."
        )
        blocks.append(Figure(f"regions-{index}", figures.regions(rows), caption))
        cells = [
            [
                row["region"],
                f"{row['positions']:,}",
                number(row["bits_per_base"]),
                number(row["markov_bits_per_base"]),
                f"{row['markov_bits_per_base'] - row['bits_per_base']:+.3f}",
                f"{row['accuracy']:.1%}",
            ]
            for row in rows
        ]
        columns = ["region class", "positions", "model, bits", "Markov chain, bits", "bits saved", "accuracy"]
        blocks.append(Table(columns, cells, {1, 2, 3, 4, 5}))
    if not blocks:
        return Section(
            "regions",
            title,
            "Region classes",
            missing="No genome of these models has an annotation to tell regions apart.",
        )
    return Section("regions", title, "Region classes", blocks)
