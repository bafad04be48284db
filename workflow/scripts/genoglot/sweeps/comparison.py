"""The members of a sweep side by side: a table, points of loss against compute, and scaling curves through them."""

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from genoglot.files import atomic_path, read_json, write_json
from genoglot.sweeps.scaling import fit_power_law

log = logging.getLogger(__name__)

COLUMNS = (
    "model", "architecture", "size", "tokenizer", "seed", "learning_rate", "parameters", "tokens_seen", "flops",
    "seconds", "tokens_per_second", "objective", "bits_per_base", "markov_bits_per_base", "gain", "accuracy",
)  # fmt: skip
# what is the same in models that differ in their seed alone
ALIKE = ("architecture", "size", "tokenizer", "learning_rate", "objective")

Row = dict[str, Any]


def compare_models(
    sweep: str,
    members: Sequence[Mapping[str, Any]],
    training: Sequence[Path],
    metrics: Sequence[Path],
    table: Path,
    comparison: Path,
) -> None:
    """Write a sweep's table (TSV) and its comparison (JSON: `rows`, `points`, `fits`, `notes`).

    Args:
        members: what of each member the sweep decided: `model`, `architecture`, `size`, `tokenizer`, `seed`,
            `learning_rate`, `objective`.
        training, metrics: `training.json` and `metrics.json` of each, in the same order.
    """
    rows = [
        _row(member, read_json(trained), read_json(measured))
        for member, trained, measured in zip(members, training, metrics, strict=True)
    ]
    points = points_of(rows)
    fits, notes = fits_of(points)
    write_json(comparison, {"sweep": sweep, "rows": rows, "points": points, "fits": fits, "notes": notes})
    with atomic_path(Path(table)) as temporary, open(temporary, "w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    for line in notes:
        log.info("%s", line)


def _row(member: Mapping[str, Any], training: Mapping[str, Any], metrics: Mapping[str, Any]) -> Row:
    seen, seconds = training["tokens_seen"], training["seconds"]
    values = {
        **{key: training.get(key) for key in ("parameters", "tokens_seen", "flops", "seconds")},
        "tokens_per_second": round(seen / seconds, 1) if seconds else None,
        **{key: metrics[key] for key in ("bits_per_base", "markov_bits_per_base", "accuracy")},
        "gain": metrics["markov_bits_per_base"] - metrics["bits_per_base"],
    }
    return {column: {**member, **values}.get(column) for column in COLUMNS}


def points_of(rows: Sequence[Row]) -> list[Row]:
    """Members that differ in their seed alone as one point each: mean FLOPs and bits per base, and their spread.

    `spread` is the standard deviation of the bits per base over `seeds` runs, None for one run. Members whose FLOPs
    are not known are left out.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["flops"]:
            groups.setdefault(tuple(row[key] for key in ALIKE), []).append(row)
    points = []
    for alike, group in groups.items():
        bits = [row["bits_per_base"] for row in group]
        point = dict(zip(ALIKE, alike, strict=True))
        point |= {"flops": fmean(row["flops"] for row in group), "bits_per_base": fmean(bits), "seeds": len(group)}
        point |= {"spread": stdev(bits) if len(bits) > 1 else None, "models": [row["model"] for row in group]}
        points.append(point)
    return points


def series_of(points: Sequence[Row]) -> dict[str, list[Row]]:
    """Points of one architecture and tokenizer each, by a name that has the tokenizer where there are several."""
    several = len({point["tokenizer"] for point in points}) > 1
    series: dict[str, list[Row]] = {}
    for point in points:
        name = f"{point['architecture']}, {point['tokenizer']}" if several else point["architecture"]
        series.setdefault(name, []).append(point)
    return series


def fits_of(points: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """A scaling curve for each architecture and tokenizer that has points enough, and a line for each that has not.

    Of models that differ in their learning rate alone the best counts, as the others show what a bad rate costs.
    """
    fits: list[Row] = []
    notes: list[str] = []
    for name, part in series_of(points).items():
        sizes: dict[str, Row] = {}
        for point in part:
            best = sizes.get(point["size"])
            if best is None or point["bits_per_base"] < best["bits_per_base"]:
                sizes[point["size"]] = point
        chosen = list(sizes.values())
        compute, bits = ([point[key] for point in chosen] for key in ("flops", "bits_per_base"))
        try:
            law = fit_power_law(compute, bits)
        except ValueError as why:
            notes.append(f"{name}: no scaling curve, since {why}.")
            continue
        ends = {"points": len(chosen), "from_flops": min(compute), "to_flops": max(compute)}
        kind = {key: part[0][key] for key in ("architecture", "tokenizer")}
        fits.append({**kind, **ends, **law.as_dict()})
    return fits, notes
