"""The sections of the report on models and their likelihoods; each from loaded entries (see `inputs`)."""

from typing import Any

from genoglot.report import figures
from genoglot.report.blocks import Block, Figure, Heading, Section, Table, Text
from genoglot.report.inputs import Linker, read_curves
from genoglot.report.palette import REGION_COLOURS, in_order
from genoglot.report.verdicts import number
from genoglot.report.words import duration


def learning_section(entries: list[dict[str, Any]], link: Linker) -> Section:
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
        key = f"{number(entry['metrics']['bits_per_base'])} bits per base"
        blocks += [Heading(f"Model {entry['name']}", f"learning-{index}", key), Text(_trained(entry))]
        if "curves" in entry["paths"]:
            blocks.append(_curves(index, entry, link))
        blocks.append(_likelihoods(entry["metrics"]))
    return Section("learning", "Learning", "Learning", blocks)


def _curves(index: int, entry: dict[str, Any], link: Linker) -> Figure:
    metrics = entry["metrics"]
    table = read_curves(entry["paths"]["curves"])
    points = table["split"].value_counts()
    caption = (
        f"Learning curve of {entry['name']}: {points.get('train', 0)} points of training and "
        f"{points.get('validation', 0)} of validation. Lower is better. The star is the final evaluation on "
        f"{metrics['positions']:,} hidden positions of validation windows; the horizontal lines are Markov chains "
        "fitted on the same training windows and measured on those same positions. A validation curve that rises "
        "while training falls is overfitting."
    )
    origin = link.origin(entry, f"{len(table):,} points", "pretrain_model", "curves", stills=True)
    return Figure(f"curves-{index}", figures.curves(table, metrics), caption, origin=origin)


def _trained(entry: dict[str, Any]) -> str:
    metrics, config = entry["metrics"], entry.get("architecture", {})
    kind = config.get("architecture") or config.get("model_type") or "unnamed"
    parameters = f", {metrics['parameters']:,} parameters" if metrics.get("parameters") else ""
    if source := entry.get("pretrained"):
        return (
            f"Network of type {kind}{parameters}, not trained here but brought in from {source}. What it was trained "
            f"on is not known here: the validation windows of corpus {entry['corpus']}, on which it is measured, may "
            "have been part of it. The Markov chains did not see them."
        )
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


def regions_section(entries: list[dict[str, Any]], link: Linker) -> Section:
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
        shown = f"{sum(row['positions'] for row in rows):,} positions"
        origin = link.origin(entry, shown, "evaluate_model", "metrics")
        blocks.append(Figure(f"regions-{index}", figures.regions(rows), caption, origin=origin))
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
