"""The section of the report on scans: how constraint is distributed over the genome, and where its tracks are."""

from typing import Any

from genoglot.report import figures
from genoglot.report.blocks import Block, Figure, Heading, Links, Section, Table, Text
from genoglot.report.inputs import Linker
from genoglot.report.palette import REGION_COLOURS, in_order
from genoglot.report.words import share

FILES = {
    "parquet": "every base, with the score of each substitution",
    "max.bw": "track of the worst substitution, bigWig",
    "mean.bw": "track of their mean, bigWig",
    "summary.json": "counts, and constraint by region class",
}


def scans_section(entries: list[dict[str, Any]], link: Linker) -> Section:
    """Table and figure of each scan."""
    blocks: list[Block] = [
        Text(
            "A scan scores all three substitutions of every base. Constraint is how much less likely than the base "
            "that stands there the worst of them is, in nats: high where the model expects what it finds. That is not "
            "yet function: repeats are expected as well, and what the Markov chain expects too is composition."
        )
    ]
    for index, entry in enumerate(entries):
        blocks += _scan(index, entry, link)
    return Section("scans", "Constraint along the genome", "Scans", blocks)


def scan_files(entry: dict[str, Any]) -> dict[str, str]:
    """Names of the files of a scan, and what they are."""
    return {f"{entry['model']}.{kind}": what for kind, what in FILES.items()}


def _scan(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    summary = entry["summary"]
    by_name = {row["class"]: row for row in summary["classes"]}
    rows = [by_name[name] for name in in_order(list(by_name), REGION_COLOURS)]
    total = summary["positions"] + summary["unknown"]
    cells = [
        [
            row["class"],
            f"{row['positions']:,}",
            *(f"{row[measure][key]:.2f}" for measure in ("max", "markov_max") for key in ("mean", "q50", "q95")),
        ]
        for row in rows
    ]
    columns = ["region class", "sites", "mean", "median", "95%", "chain, mean", "chain, median", "chain, 95%"]
    caption = (
        f"Constraint (nats) of {summary['positions']:,} sites by model {entry['model']} and by the Markov chain that "
        f"sees both sides. {share(summary['unknown'], total)} of the bases are N and were left out."
    )
    series = {
        contestant: [_point(row[measure]) for row in rows]
        for contestant, measure in (("model", "max"), ("markov", "markov_max"))
    }
    labels = [f"{row['class']} ({row['positions']:,})" for row in rows]
    figure = figures.dots(labels, series, "constraint, nats")
    about = (
        "Median constraint by region class, with lines from the 5th to the 95th percentile of its sites, which are no "
        "error bars; the number of sites is in brackets."
    )
    files = [item for item, _ in link.siblings(entry["paths"]["summary"], scan_files(entry))]
    return [
        Heading(f"Scan {entry['name']} by {entry['model']}"),
        Figure(f"scan-{index}", figure, about),
        Table(columns, cells, set(range(1, len(columns))), caption),
        Links(files),
    ]


def _point(measure: dict[str, float]) -> dict[str, float]:
    return {"value": measure["q50"], "low": measure["q05"], "high": measure["q95"]}
