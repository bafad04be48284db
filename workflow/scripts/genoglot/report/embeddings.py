"""The section of the report on embeddings: accuracies, maps of windows, clusters, and what the axes carry."""

from typing import Any

from genoglot.report import figures
from genoglot.report.blocks import Block, Figure, Heading, Map, Origin, Section, Table, Text
from genoglot.report.comparison import comparisons
from genoglot.report.inputs import Linker, read_columns
from genoglot.report.maps import pack_map
from genoglot.report.palette import CONTESTANTS, REGION_COLOURS, in_order
from genoglot.report.verdicts import ENDS, in_words, judge_representation, number, with_interval

# a window takes some 30 bytes of the page
MAP_BUDGET = 300_000
MOST_POINTS = 100_000
FEWEST_POINTS = 4_000
SUFFIXES = {"model": "", "untrained": "_untrained", "3mer": "_3mer", "6mer": "_6mer"}
MOST_CLUSTERS = 40
FALSE_DISCOVERY = 0.05
# what may explain an axis, as genoglot.embeddings.axes names it
PROPERTIES = {
    "region": "region class", "gc": "GC", "soft_masked": "repeats", "perplexity": "perplexity", "contig": "contig",
    "place": "place in the contig",
}  # fmt: skip
_BLANK: dict[str, float | None] = dict.fromkeys(ENDS)


def embeddings_section(
    entries: list[dict[str, Any]], models: list[dict[str, Any]], link: Linker, browser_url: str | None = None
) -> Section:
    """Accuracies of all genomes and models, models side by side, and a map of windows for each."""
    title = "What the embeddings know"
    if not entries:
        return Section("embeddings", title, "Embeddings", missing="No embeddings are part of this report.")
    blocks: list[Block] = [
        Text(
            "An embedding is the list of numbers by which the network describes a window of sequence. If it has "
            "learned what genes and repeats look like, windows of one kind lie near each other. Nothing about the "
            "annotation was shown to the model; colours and labels are added afterwards."
        ),
        *_accuracies(entries),
    ]
    compared = {genome for genome, of in _by_genome(entries).items() if len(of) > 1}
    maps = len(entries) + sum(entry["genome"] in compared for entry in entries)
    points = min(MOST_POINTS, max(FEWEST_POINTS, MAP_BUDGET // maps))
    for number_, genome in enumerate(sorted(compared)):
        blocks += comparisons(number_, genome, _by_genome(entries)[genome], models, points, link, browser_url)
    for index, entry in enumerate(entries):
        blocks += _entry(index, entry, points, link, browser_url)
    return Section("embeddings", title, "Embeddings", blocks)


def _by_genome(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        found.setdefault(entry["genome"], []).append(entry)
    return found


def _entry(index: int, entry: dict[str, Any], points: int, link: Linker, browser_url: str | None) -> list[Block]:
    metrics = entry["metrics"]
    table = read_columns(entry["paths"]["umap"])
    shares = metrics.get("pca", {}).get("explained_variance")
    packed = pack_map(table, entry["genome"], entry["model"], points, shares, browser_url)
    drawn = packed["rows"]
    shown = f"all {drawn:,}" if drawn == len(table) else f"{drawn:,} of {len(table):,}, drawn at random,"
    caption = (
        f"UMAP of the embeddings of {entry['genome']} by {entry['model']}: {shown} windows, one point each. Near "
        "points have similar embeddings; distances between far points and the axes themselves mean nothing. "
        "Click a class to hide it, double-click to see it alone; draw around windows to list them."
    )
    origin = link.origin(entry, f"{drawn:,} windows", "analyse_embeddings", "umap", stills=True)
    accuracy = metrics.get("balanced_accuracy")
    key = f"balanced accuracy {accuracy:.3f}" if accuracy is not None else f"{len(table):,} windows"
    return [
        Heading(f"Genome {entry['genome']}, model {entry['model']}", f"embeddings-{index}", key),
        Map(f"umap-{index}", packed, caption, origin),
        *_dropped(metrics),
        *_region_accuracy(index, entry, link),
        *_clusters(metrics),
        *_axes(metrics),
    ]


def _dropped(metrics: dict[str, Any]) -> list[Block]:
    left_out = sum(metrics.get("dropped", {}).values())
    return [Text(f"{left_out:,} windows without bases or with no finite embedding are left out.", True)] * bool(
        left_out
    )


def _accuracies(entries: list[dict[str, Any]]) -> list[Block]:
    """One table of what all models make of all genomes, beside the baselines."""
    rows = []
    for entry in entries:
        metrics = entry["metrics"]
        if metrics.get("balanced_accuracy") is None:
            continue
        cells = [with_interval(metrics, f"balanced_accuracy{suffix}") for suffix in SUFFIXES.values()]
        guess = f"{1 / len(metrics['classes']):.2f}"
        rows.append([entry["genome"], entry["model"], *cells, guess])
    if not rows:
        return []
    columns = ["genome", "model", "embeddings", "untrained", "3-mers", "6-mers", "guess"]
    caption = (
        "Balanced accuracy of a linear classifier that tells region classes apart by the embeddings, by those of the "
        "same network before training and by counts of words, each with its 95% bootstrap interval. What is compared "
        "is the description of a window; classifier, windows and folds are the same along a row."
    )
    return [Table(columns, rows, set(range(2, 7)), caption)]


def _region_accuracy(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    metrics = entry["metrics"]
    if metrics.get("balanced_accuracy") is None:
        why = metrics.get("why_no_accuracy", "the genome has no region classes")
        return [Text(f"Region classes were not predicted from these embeddings: {why}.", note=True)]
    keys = ("model", "6mer", "3mer", "untrained")
    suffixes = {key: SUFFIXES[key] for key in keys if metrics.get(f"balanced_accuracy{SUFFIXES[key]}") is not None}
    rows = [
        [
            CONTESTANTS[key][0],
            with_interval(metrics, f"balanced_accuracy{suffix}"),
            "" if key == "model" else in_words(judge_representation(metrics, key)),
        ]
        for key, suffix in suffixes.items()
    ]
    blocks: list[Block] = [
        _accuracy_figure(index, entry, suffixes, link),
        Table(["description of a window", "balanced accuracy (95% interval)", "model against it"], rows, {1}),
    ]
    if left_out := [f"{name} ({n})" for name, n in metrics.get("left_out", {}).items()]:
        blocks.append(Text(f"Too few windows to take part: {', '.join(left_out)}.", note=True))
    blocks.append(Text(_carried(metrics)))
    confusion = metrics["confusion"]
    if confusion["counts"]:
        caption = (
            "Which class the classifier on the model's embeddings called the windows of each class: share of the row, "
            "and windows. The diagonal is right; off it, classes that the model finds alike."
        )
        figure = figures.confusion(confusion["labels"], confusion["counts"])
        total = sum(map(sum, confusion["counts"]))
        origin = _measured(f"{total:,} windows", entry, link)
        blocks.append(Figure(f"confusion-{index}", figure, caption, narrow=True, origin=origin))
    return blocks


def _accuracy_figure(index: int, entry: dict[str, Any], suffixes: dict[str, str], link: Linker) -> Figure:
    metrics = entry["metrics"]
    chance = 1 / len(metrics["classes"])
    unseen = "contigs" if metrics.get("fold_kind") == "contigs" else "stretches of the genome"
    caption = (
        f"Balanced accuracy (the mean share found of each class, so that rare classes count as much as common ones) of "
        f"a linear classifier told {len(metrics['classes'])} region classes apart on {metrics['classified']:,} "
        f"windows. It always judged {unseen} it had not learned from ({len(metrics.get('folds', []))} folds). Bars are "
        f"95% bootstrap intervals over runs of neighbouring windows; guessing gives {chance:.2f}."
    )
    series = {}
    for place, (key, suffix) in enumerate(suffixes.items()):
        point = {part: metrics.get(f"balanced_accuracy{suffix}{end}") for part, end in ENDS.items()}
        series[key] = [point if row == place else _BLANK for row in range(len(suffixes))]
    names = [CONTESTANTS[key][0] for key in suffixes]
    plot = figures.dots(names, series, "balanced accuracy", chance, spread=0.0).update_layout(showlegend=False)
    origin = _measured(f"{metrics['classified']:,} windows", entry, link)
    return Figure(f"accuracy-{index}", plot, caption, origin=origin)


def _measured(shown: str, entry: dict[str, Any], link: Linker) -> Origin:
    return link.origin(entry, shown, "analyse_embeddings", "metrics")


def _carried(metrics: dict[str, Any]) -> str:
    """What the embedding says of GC content, and how tight the classes lie."""
    parts = []
    if metrics.get("gc_r2") is not None:
        untrained = metrics.get("gc_r2_untrained")
        parts.append(
            f"A window's GC content can be read from the embedding with R² {metrics['gc_r2']:.2f}"
            + (f" (untrained network: {untrained:.2f})." if untrained is not None else ".")
        )
    shares = metrics.get("pca", {}).get("explained_variance", [])
    correlations = metrics.get("pca", {}).get("gc_correlation", [])
    if shares and correlations and correlations[0] is not None:
        parts.append(
            f"The first principal component holds {shares[0]:.0%} of the variance; its rank correlation with GC is "
            f"{correlations[0]:+.2f}."
        )
    if metrics.get("silhouette") is not None:
        parts.append(
            f"The silhouette of the region classes is {metrics['silhouette']:.2f} (1: far apart, 0: overlapping)."
        )
    return " ".join(parts)


def _clusters(metrics: dict[str, Any]) -> list[Block]:
    """How many times commoner than among all windows each region class is in each cluster."""
    found = metrics.get("clusters") or {}
    clusters = [item for item in found.get("table", []) if item["classes"]]
    if not clusters:
        return []
    names = in_order([of_class["region"] for of_class in clusters[0]["classes"]], REGION_COLOURS)
    shown = clusters[:MOST_CLUSTERS]
    rows = []
    for item in shown:
        classes = {of_class["region"]: of_class for of_class in item["classes"]}
        rows.append([str(item["cluster"]), f"{item['windows']:,}", *(_fold(classes[name]) for name in names)])
    caption = (
        f"Clusters of windows that lie together, found by {found['method']} without the annotation, and how many times "
        "commoner each region class is among their windows than among all. A star marks what is above 1 by more than "
        f"chance: Fisher's exact test, false discovery rate below {FALSE_DISCOVERY:.0%}; neighbouring windows are not "
        f"independent, so that there are too many stars. {found['noise']:,} windows are in no cluster."
    )
    if len(clusters) > len(shown):
        caption += f" The {len(shown)} largest of {len(clusters)} clusters."
    return [Table(["cluster", "windows", *names], rows, set(range(1, len(names) + 2)), caption)]


def _fold(found: dict[str, Any]) -> str:
    if found["fold"] is None:
        return "n/a"
    return f"{found['fold']:.2f}" + (" *" if found["fdr"] < FALSE_DISCOVERY else "")


def _axes(metrics: dict[str, Any]) -> list[Block]:
    """What the axes carry: a row for each axis, a column for each property of windows."""
    axes = metrics.get("axes")
    if not axes:
        return []
    properties = [name for name in PROPERTIES if name in axes[0]]
    rows = [
        [axis["axis"].replace("pca", "PC").replace("umap", "UMAP").replace("_", " ")]
        + [number(axis[name]["share"], 2) for name in properties]
        for axis in axes
    ]
    caption = (
        "The share of each axis (of the ranks of windows along it) that a property of the windows explains, from 0 to "
        "1; what they explain overlaps. Where GC, repeats or the contig explain an axis, what lies apart along it "
        "differs in composition or place, and not of necessity in function."
    )
    headings = ["axis", *(PROPERTIES[name] for name in properties)]
    return [Table(headings, rows, set(range(1, len(headings))), caption)]
