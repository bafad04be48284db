"""Several models on one genome: their numbers in one table, their maps beside each other."""

from typing import Any

from genoglot.report.blocks import Block, Heading, Map, Origin, Table, Text
from genoglot.report.inputs import Linker, read_columns
from genoglot.report.maps import pack_comparison
from genoglot.report.verdicts import in_words, judge_representation, number, with_interval


def comparisons(
    index: int,
    genome: str,
    entries: list[dict[str, Any]],
    models: list[dict[str, Any]],
    points: int,
    link: Linker,
    browser_url: str | None,
) -> list[Block]:
    """Blocks on the entries of one genome, of which there are two or more."""
    tables = {entry["model"]: read_columns(entry["paths"]["umap"]) for entry in entries}
    packed = pack_comparison(tables, genome, points, browser_url)
    first = entries[0]["model"]
    best = max(entries, key=lambda entry: entry["metrics"].get("balanced_accuracy") or 0)
    accuracy = best["metrics"].get("balanced_accuracy")
    key = f"best: {best['model']}, {accuracy:.3f}" if accuracy is not None else f"{len(entries)} models"
    heading = Heading(f"Genome {genome}, {len(entries)} models side by side", f"compared-{index}", key)
    if packed is None:
        why = "The models cut this genome into different windows, so that their maps cannot be laid over each other."
        return [heading, _numbers(entries, models, {}), Text(why, note=True)]
    content, distances = packed
    caption = (
        f"The {content['rows']:,} windows that the models share, on the UMAP of each. The maps are turned, mirrored "
        f"and scaled as a whole to lie as near to that of {first} as they can, which changes no neighbourhood. What is "
        "selected on one map is selected on all."
    )
    files = [link(entry["paths"]["umap"]) for entry in entries]
    shown = f"{content['rows']:,} windows"
    origin = Origin(shown, f"models {', '.join(tables)}", "analyse_embeddings", files)
    return [heading, _numbers(entries, models, distances), Map(f"compared-map-{index}", content, caption, origin)]


def _numbers(entries: list[dict[str, Any]], models: list[dict[str, Any]], distances: dict[str, float | None]) -> Table:
    of_models = {model["name"]: model["metrics"] for model in models}
    rows = []
    for entry in entries:
        metrics, model = entry["metrics"], of_models.get(entry["model"], {})
        measured = metrics.get("balanced_accuracy") is not None
        parameters = model.get("parameters")
        rows.append(
            [
                entry["model"],
                f"{parameters:,}" if parameters else "n/a",
                number(model.get("bits_per_base")),
                with_interval(metrics, "balanced_accuracy"),
                in_words(judge_representation(metrics, "6mer")) if measured else "n/a",
                number(metrics.get("silhouette"), 2),
                number(metrics.get("gc_r2"), 2),
                number(distances.get(entry["model"]), 2),
            ]
        )
    columns = ["model", "parameters", "bits per base", "balanced accuracy (95% interval)", "against 6-mers"]
    caption = (
        "Bits per base are of the validation windows of each model's own corpus. The silhouette is that of the region "
        "classes (1: far apart, 0: overlapping), R² how well GC content can be read from the embedding. The distance "
        "is what is left between two maps that are laid over each other (Procrustes: 0 the same, 1 nothing in common); "
        "two runs of UMAP differ as well."
    )
    columns += ["silhouette", "R² of GC", f"distance from the map of {entries[0]['model']}"]
    return Table(columns, rows, {1, 2, 3, 5, 6, 7}, caption)
