"""The section of the report on tasks: all contestants on the same test examples."""

from typing import Any

from genoglot.report import figures, task_figures
from genoglot.report.blocks import Block, Figure, Heading, Origin, Section, Table, Text
from genoglot.report.inputs import Linker
from genoglot.report.palette import CONTESTANTS
from genoglot.report.task_curves import (
    FEW_SHOT_MEASURES,
    NAMED,
    NUMBERS,
    PER,
    base_rates,
    entries_of,
    few_shot_lines,
    ranking_curves,
)
from genoglot.report.task_genes import genes_blocks
from genoglot.report.task_words import (
    absent,
    calibration_blocks,
    called,
    contestants,
    examples_blocks,
    intervals,
    learned,
    runs_blocks,
)
from genoglot.report.verdicts import JUDGED, in_words, judge_contestant, judge_task, number, with_interval
from genoglot.report.words import tested

# columns of the summary, of each kind of target
MEASURES = {
    "classes": {
        "balanced_accuracy": "balanced accuracy",
        "mcc": "MCC",
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "auroc": "AUROC",
        "auprc": "AUPRC",
    },
    "labels": {"auroc": "mean AUROC", "auprc": "mean AUPRC", "mcc": "mean MCC", "f1": "mean F1"},
    "values": {"pearson": "Pearson", "spearman": "Spearman", "r2": "R²", "mse": "squared error"},
    "counts": {
        "pearson": "Pearson",
        "spearman": "Spearman",
        "r2": "R²",
        "deviance_explained": "deviance explained",
        "mse": "squared error",
    },
}
# the measure that is drawn of each class, label or column, and the one of guessing
DRAWN = {
    "classes": ("f1", "F1", None),
    "labels": ("auroc", "AUROC", 0.5),
    "values": ("spearman", "Spearman", 0.0),
    "counts": ("pearson", "Pearson", 0.0),
}
FOUND = {
    "classes": "MCC: 1 is perfect, 0 is guessing.",
    "labels": "AUROC: 1 is perfect, 0.5 is guessing.",
    "values": "Correlations: 1 is perfect, 0 is guessing. R² is the share of the variance that is explained; below 0 "
    "the mean would have been better.",
    "counts": "Correlations over bins: 1 is perfect, 0 is guessing. R² and the deviance explained are shares of the "
    "variance and of the Poisson deviance; below 0 the mean would have been better.",
}


def tasks_section(entries: list[dict[str, Any]], link: Linker) -> Section:
    """Tasks learnt by pretrained networks beside their twins from scratch, k-mers, neighbours and guessing."""
    title = "Tasks"
    if not entries:
        return Section("tasks", title, "Tasks", missing="No task is configured for these models.")
    blocks: list[Block] = [
        Text(
            "A task has the pretrained network learn from labelled sequences. Its twin is the same network, trained in "
            "the same way on the same examples, but from random weights: what lies between the two is what "
            "pretraining was worth. Where k-mers do as well, no network is needed."
        )
    ]
    for index, entry in enumerate(entries):
        blocks += _task(index, entry, link)
    return Section("tasks", title, "Tasks", blocks)


def _task(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    metrics = entry["metrics"]
    headline = judge_task(entry["task"], metrics)
    origin = link.origin(entry, tested(metrics), "evaluate_task", "metrics")
    return [
        Heading(f"Task {entry['task']}, model {entry['model']}", f"tasks-{index}", f"{headline.unit} {headline.value}"),
        Text(learned(metrics)),
        *examples_blocks(metrics.get("examples") or {}),
        _summary(metrics),
        *runs_blocks(metrics),
        *_curves(index, metrics, link.origin(entry, origin.shown, origin.rule, "metrics", stills="roc")),
        *_each(index, metrics, origin),
        *genes_blocks(metrics),
        *_confusion(index, metrics, origin),
        *calibration_blocks(metrics),
        *_few_shot(index, entry, link),
    ]


def _summary(metrics: dict[str, Any]) -> Table:
    kind = metrics["target"]
    judged = JUDGED[kind][0]
    rows = [
        [
            called(metrics, key),
            *(
                (number(metrics[key].get(name)) if key == "majority" else with_interval(metrics[key], name))
                for name in MEASURES[kind]
            ),
            "" if key in ("pretrained", "majority") else in_words(judge_contestant(metrics, key)),
        ]
        for key in contestants(metrics)
    ]
    columns = ["contestant", *MEASURES[kind].values(), "pretrained against it"]
    notes = [f"All on the same {tested(metrics)}. {intervals(metrics)}"]
    notes.append(f"Called apart by {MEASURES[kind][judged]}, and only if the intervals do not overlap. {FOUND[kind]}")
    if missing := [CONTESTANTS[key][0] for key in absent(metrics)]:
        notes.append(f"Not measured: {', '.join(missing)}.")
    return Table(columns, rows, set(range(1, len(columns) - 1)), " ".join(notes))


def _curves(index: int, metrics: dict[str, Any], origin: Origin) -> list[Block]:
    curves = ranking_curves(metrics)
    if not curves:
        return []
    if metrics["target"] == "classes" and len(metrics["classes"]) == 2:
        name = metrics["classes"][1]
        who = f"finding {name} among the {tested(metrics)}, of which {_share(metrics, name)} are that"
    else:
        noun = {"classes": "class", "labels": "label"}[metrics["target"]]
        who = f"the pretrained network finding each {noun} among the {tested(metrics)}"
    caption = (
        f"ROC, and precision over recall, of {who}. Left: the share of these that is found (true positive rate) for "
        "the share of all others that is called by mistake (false positive rate); further up and left is better. "
        "Right: the share of the calls that is right (precision) for the share that is found (recall); further up is "
        "better. Thin dotted lines are guessing. Of several trainings, the one that validation finds best is drawn."
    )
    return [Figure(f"task-curves-{index}", task_figures.ranking(curves), caption, origin=origin)]


def _unit(metrics: dict[str, Any]) -> str:
    """What is counted: bins or bases, where each has a truth of its own."""
    return {0: "examples", 1: "bases"}.get(metrics.get("bin") or 0, "bins")


def _share(metrics: dict[str, Any], name: str) -> str:
    return f"{base_rates(metrics).get(name, 0):.0%}"


def _each(index: int, metrics: dict[str, Any], origin: Origin) -> list[Block]:
    """A measure of each class, label or column, by contestant; of values also a table."""
    measure, words, guess = DRAWN[metrics["target"]]
    found = {key: entries_of(metrics, key) for key in contestants(metrics)}
    first = found["pretrained"]
    if metrics["target"] in NUMBERS and len(first) < 2:
        return []
    series = {
        key: [{"value": entries.get(name, {}).get(measure)} for name in first]
        for key, entries in found.items()
        if key != "majority" and any(entry.get(measure) is not None for entry in entries.values())
    }
    if not series:
        return []
    labels = [f"{name} ({entry.get('positives', entry['n']):,})" for name, entry in first.items()]
    means = {
        "f1": "F1 score of each class (the harmonic mean of how many calls are right and how many examples are found)",
        "auroc": "AUROC of each label (how often an example that has it is ranked above one that has not)",
        "spearman": "Spearman's correlation of each column with its predictions",
        "pearson": "Pearson's correlation of each track with its predictions, over bins",
    }[measure]
    counted = f"{_unit(metrics)} that have it" if metrics["target"] == "labels" else _unit(metrics)
    caption = f"{means}; the number of test {counted} in brackets. Further right is better."
    figure = figures.dots(labels, series, words, guess)
    blocks: list[Block] = [Figure(f"task-each-{index}", figure, caption, origin=origin)]
    return blocks if metrics["target"] not in NUMBERS else [*blocks, _columns(metrics, list(series))]


def _columns(metrics: dict[str, Any], keys: list[str]) -> Table:
    """Correlations of each column of numbers."""
    words = MEASURES[metrics["target"]]
    names = [name for name in words if name != "mse"]
    rows = [
        [column, f"{entry['n']:,}", called(metrics, key), *(number(entry.get(name)) for name in names)]
        for column in entries_of(metrics, "pretrained")
        for key in keys
        if (entry := entries_of(metrics, key).get(column))
    ]
    columns = [NAMED["values"][1], f"test {_unit(metrics)}", "contestant", *(words[name] for name in names)]
    return Table(columns, rows, {1, *range(3, len(columns))}, "Means over trainings where there were several.")


def _confusion(index: int, metrics: dict[str, Any], origin: Origin) -> list[Block]:
    counts = metrics["pretrained"].get("confusion")
    if not counts:
        return []
    kept = metrics["pretrained"].get("kept_seed")
    which = f" (seed {kept}, which validation finds best)" if len(metrics.get("seeds") or []) > 1 else ""
    caption = f"Which class the pretrained network, trained on the task{which}, called the test examples of each class."
    figure = figures.confusion(metrics["classes"], counts)
    return [Figure(f"task-confusion-{index}", figure, caption, narrow=True, origin=origin)]


def _few_shot(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    metrics = entry["metrics"]
    few_shot = metrics.get("few_shot")
    lines = few_shot_lines(few_shot) if few_shot else []
    if not lines:
        return []
    draws = len({point["draw"] for point in few_shot["points"]})
    words = FEW_SHOT_MEASURES[few_shot["measure"]][0]
    across = f"labelled examples{PER[metrics['target']]}"
    caption = (
        f"{words[0].upper()}{words[1:]} on the {tested(metrics)} by the number of {across} that "
        f"everyone learns from: means of {draws} draws, the single draws as faint dots. Contestants are drawn a little "
        "apart sideways. Where the blue line lies above the dashed grey one, pretraining spares labels."
    )
    shown = f"{sum(len(line.values) for line in lines):,} trainings, {tested(metrics)}"
    origin = link.origin(entry, shown, "evaluate_task", "metrics", stills="few_shot")
    figure = task_figures.few_shot(lines, few_shot["measure"], across)
    return [Figure(f"task-few-shot-{index}", figure, caption, origin=origin)]
