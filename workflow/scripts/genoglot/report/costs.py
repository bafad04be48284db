"""The section of the report on what a study cost, from the benchmark files that Snakemake writes of each job."""

import csv
from dataclasses import dataclass
from pathlib import Path

from genoglot.report.blocks import Section, Table
from genoglot.report.words import duration, memory


@dataclass(frozen=True)
class Cost:
    """What the jobs of a rule took: how many there are, seconds of all and of the longest, CPU seconds, peak memory.

    `memory` is the resident set of a job with its child processes at its largest, in MB, of the job with the most;
    None where every job was over before it could be measured.
    """

    rule: str
    jobs: int
    seconds: float
    longest: float
    cpu: float
    memory: float | None


def read_costs(folder: Path) -> list[Cost]:
    """Costs by rule, the dearest first, from the files `{rule}/**.tsv` or `{rule}.tsv` of a folder.

    A row is a repetition of a job, and files that are no benchmarks are passed over. A job that ran again has
    overwritten what it took before.
    """
    found: dict[str, list[dict[str, str]]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        with open(path, newline="") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t") if {"s", "max_rss", "cpu_time"} <= row.keys()]
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        found.setdefault(rule, []).extend(rows)
    costs = [_cost(rule, rows) for rule, rows in found.items() if rows]
    return sorted(costs, key=lambda cost: (-cost.seconds, cost.rule))


def _cost(rule: str, rows: list[dict[str, str]]) -> Cost:
    seconds = [float(row["s"]) for row in rows]
    peaks = _measured(rows, "max_rss")
    cpu = sum(_measured(rows, "cpu_time"))
    return Cost(rule, len(rows), sum(seconds), max(seconds), cpu, max(peaks) if peaks else None)


def _measured(rows: list[dict[str, str]], column: str) -> list[float]:
    """The numbers of a column; Snakemake writes NA or - for a job that ended before it was looked at."""
    return [float(row[column]) for row in rows if row[column] not in ("NA", "-", "")]


def costs_section(costs: list[Cost]) -> Section:
    """A table with a row for each rule, and the sum and the largest of each."""
    title = "What it cost"
    if not costs:
        return Section("costs", title, "Cost", missing="No benchmarks of jobs were found beside these results.")
    rows = [
        [cost.rule, f"{cost.jobs:,}", duration(cost.seconds), duration(cost.longest), duration(cost.cpu), _peak(cost)]
        for cost in costs
    ]
    total = Cost(
        "all",
        sum(cost.jobs for cost in costs),
        sum(cost.seconds for cost in costs),
        max(cost.longest for cost in costs),
        sum(cost.cpu for cost in costs),
        max((cost.memory for cost in costs if cost.memory is not None), default=None),
    )
    rows.append(
        [
            "all (sum, or largest)", f"{total.jobs:,}", duration(total.seconds), duration(total.longest),
            duration(total.cpu), _peak(total),
        ]
    )  # fmt: skip
    columns = ["rule", "jobs", "wall time", "longest job", "CPU time", "peak memory"]
    caption = (
        "Time and memory of the jobs whose benchmarks lie beside these results, as Snakemake measured them when each "
        "ran last; waiting for a machine is not part of it. Wall time is the sum over jobs, which may have run side by "
        "side; CPU time is that of all cores together; peak memory is that of the largest job. The memory of GPUs is "
        "in the logs of the jobs that used one."
    )
    return Section("costs", title, "Cost", [Table(columns, rows, {1, 2, 3, 4, 5}, caption)])


def _peak(cost: Cost) -> str:
    return "n/a" if cost.memory is None else memory(cost.memory)
