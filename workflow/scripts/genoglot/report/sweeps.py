"""The section of the report on sweeps: their models side by side, and loss against compute."""

from typing import Any

from genoglot.report import figures
from genoglot.report.blocks import Block, Bullets, Figure, Heading, Link, Links, Section, Table, Text
from genoglot.report.inputs import Linker
from genoglot.report.verdicts import number
from genoglot.report.words import duration

# how the table of the page calls the columns that it shows; the file has all
SHOWN = {
    "model": "model",
    "objective": "predicts",
    "parameters": "parameters",
    "tokens_seen": "bases seen",
    "flops": "FLOPs",
    "seconds": "time",
    "tokens_per_second": "bases a second",
    "bits_per_base": "bits per base",
    "markov_bits_per_base": "Markov chain",
    "gain": "bits saved",
    "accuracy": "accuracy",
}


def sweeps_section(entries: list[dict[str, Any]], link: Linker) -> Section:
    """Table and figure of each sweep."""
    blocks: list[Block] = [
        Text(
            "A sweep trains one model for each combination of the values it lists, on the same windows, and measures "
            "all on the same held-out sequence. Compute is counted in floating-point operations (FLOPs), which do not "
            "depend on the machine; time does. A model that predicts each base from those before it (causal) has less "
            "to go by than one that sees both sides, and so has its Markov chain: compare such models by the bits they "
            "save."
        )
    ]
    for index, entry in enumerate(entries):
        blocks += _sweep(index, entry["comparison"], link, entry)
    return Section("sweeps", "Models side by side", "Sweeps", blocks)


def _sweep(index: int, comparison: dict[str, Any], link: Linker, entry: dict[str, Any]) -> list[Block]:
    rows = comparison["rows"]
    table = Table(list(SHOWN.values()), [_cells(row) for row in rows], set(range(2, len(SHOWN))))
    files: list[Link] = [item for item, _ in link.siblings(entry["paths"]["comparison"], {"comparison.tsv": "table"})]
    blocks: list[Block] = [Heading(f"Sweep {entry['name']}"), table]
    if comparison["points"]:
        caption = (
            f"Loss against compute of {len(rows)} models. Further down is better, further left is cheaper. Models that "
            "differ in their seed alone are one point, with the standard deviation as its bar. Dashed lines are Markov "
            "chains. Solid lines are power laws down to a floor, fitted where there are points enough."
        )
        shown = f"{len(comparison['points'])} points"
        origin = link.origin(entry, shown, "compare_models", "comparison", stills=True)
        blocks.append(Figure(f"compute-{index}", figures.compute(comparison), caption, origin=origin))
    else:
        blocks.append(Text("The compute of these models is not known, so there is no figure of it.", note=True))
    if comparison["fits"]:
        blocks.append(_fits(comparison["fits"]))
    if comparison["notes"]:
        blocks.append(Bullets(comparison["notes"]))
    return [*blocks, Links(files)]


def _cells(row: dict[str, Any]) -> list[str]:
    return [_words(column, row[column]) for column in SHOWN]


def _words(column: str, value: Any) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, str):
        return value
    if column == "flops":
        return f"{value:.2e}"
    if column == "seconds":
        return duration(value)
    if column in ("parameters", "tokens_seen", "tokens_per_second"):
        return f"{value:,.0f}"
    return f"{value:.1%}" if column == "accuracy" else f"{value:+.3f}" if column == "gain" else number(value)


def _fits(fits: list[dict[str, Any]]) -> Table:
    rows = [
        [
            fit["architecture"],
            fit["tokenizer"],
            str(fit["points"]),
            *(f"{fit[key]:.3g} ± {fit[f'{key}_se']:.2g}" for key in ("floor", "scale", "exponent")),
            f"{fit['unit']:.2e}",
        ]
        for fit in fits
    ]
    caption = (
        "bits per base = floor + scale / (compute / unit)^exponent, by least squares, with standard errors. The floor "
        "is what no compute would get below on these data; from a few points it is a guess, and a curve says nothing "
        "far beyond the points that it was fitted to."
    )
    columns = ["architecture", "tokenizer", "points", "floor", "scale", "exponent", "unit (FLOPs)"]
    return Table(columns, rows, {2, 3, 4, 5, 6}, caption)
