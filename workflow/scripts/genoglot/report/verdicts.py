"""Numbers beside their baselines, judged in words that the numbers themselves decide."""

from dataclasses import dataclass, field
from typing import Any

from genoglot.report.words import tested

WORDS = {
    "better": "better",
    "worse": "worse",
    "same": "not distinguishable",
    "guess": "no better than guessing",
    "unknown": "not measured",
}
SYMBOLS = {"better": "▲", "worse": "▼", "same": "≈", "guess": "≈", "unknown": "?"}
# parts of a number with its interval, and what their names end in
ENDS = {"value": "", "low": "_low", "high": "_high"}
# two-sided 95% of a normal distribution
Z = 1.96
GUESSED_BITS = 2.0
GUESSED_AUROC = 0.5
# the measure of a task's target that decides on verdicts, in words, and what guessing gives; of classes see `guessed`
JUDGED = {
    "classes": ("balanced_accuracy", "balanced accuracy", None),
    "labels": ("auroc", "mean AUROC", GUESSED_AUROC),
    "values": ("spearman", "Spearman's correlation", 0.0),
    "counts": ("pearson", "Pearson's correlation", 0.0),
}


def in_words(kind: str) -> str:
    """A verdict with its sign: `▲ better`."""
    return f"{SYMBOLS[kind]} {WORDS[kind]}"


@dataclass(frozen=True)
class Baseline:
    """One thing a number is measured against, and what came of it (a key of `WORDS`)."""

    name: str
    value: str
    kind: str

    @property
    def words(self) -> str:
        return in_words(self.kind)


@dataclass(frozen=True)
class Headline:
    """One number of the summary."""

    question: str
    value: str
    unit: str
    baselines: list[Baseline] = field(default_factory=list)
    note: str = ""


def by_difference(low: float | None, high: float | None) -> str:
    """Verdict from the 95% interval of a difference in which more is better."""
    if low is None or high is None:
        return "unknown"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "same"


def by_intervals(value: dict[str, Any], baseline: dict[str, Any], name: str) -> str:
    """Verdict on `name` from two dicts with `name`, `name_low`, `name_high`: apart only if the intervals are."""
    low, high = value.get(f"{name}_low"), value.get(f"{name}_high")
    other_low, other_high = (baseline.get(f"{name}{end}", baseline.get(name)) for end in ("_low", "_high"))
    if low is None or high is None or other_low is None or other_high is None:
        return "unknown"
    if low > other_high:
        return "better"
    return "worse" if high < other_low else "same"


def above_guessing(kind: str, low: float | None, guess: float) -> str:
    """`kind`, but "guess" for a number that beats its baseline and whose interval still reaches down to guessing."""
    return "guess" if kind == "better" and low is not None and low <= guess else kind


def number(value: float | None, digits: int = 3) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def with_interval(values: dict[str, Any], name: str, digits: int = 3) -> str:
    """`0.712 (0.690 to 0.731)`, or the number alone where there is no interval."""
    low, high = values.get(f"{name}_low"), values.get(f"{name}_high")
    text = number(values.get(name), digits)
    return text if low is None or high is None else f"{text} ({number(low, digits)} to {number(high, digits)})"


def judge_model(metrics: dict[str, Any]) -> Headline:
    """Bits per base on held-out sequence against the better Markov chain."""
    gain, error = metrics.get("gain"), metrics.get("gain_se")
    if gain is None:
        gain, error = metrics["markov_bits_per_base"] - metrics["bits_per_base"], metrics.get("bits_per_base_se")
    kind = "unknown" if error is None else by_difference(gain - Z * error, gain + Z * error)
    kind = above_guessing(kind, -metrics["bits_per_base"], -GUESSED_BITS)
    markov = Baseline("Markov chain", number(metrics["markov_bits_per_base"]), kind)
    note = "Fewer bits are better; 2 bits is guessing."
    return Headline("Predicting hidden bases", number(metrics["bits_per_base"]), "bits per base", [markov], note)


def judge_embeddings(genome: str, metrics: dict[str, Any]) -> Headline | None:
    """Balanced accuracy on region classes against 6-mers and the untrained network; None if it was not measured."""
    if metrics.get("balanced_accuracy") is None:
        return None
    baselines = []
    for key, name in (("6mer", "6-mer frequencies"), ("untrained", "untrained network")):
        value = number(metrics[f"balanced_accuracy_{key}"])
        baselines.append(Baseline(name, value, judge_representation(metrics, key)))
    chance = f"Guessing gives {1 / len(metrics['classes']):.2f}."
    value = number(metrics["balanced_accuracy"])
    return Headline(f"Telling regions apart, {genome}", value, "balanced accuracy", baselines, chance)


def judge_representation(metrics: dict[str, Any], key: str) -> str:
    """Embeddings against `3mer`, `6mer` or `untrained`, by the interval of the paired difference if there is one."""
    if f"difference_{key}_low" in metrics:
        kind = by_difference(metrics[f"difference_{key}_low"], metrics[f"difference_{key}_high"])
    else:
        ends = ("", "_low", "_high")
        other = {f"balanced_accuracy{end}": metrics.get(f"balanced_accuracy_{key}{end}") for end in ends}
        kind = by_intervals(metrics, other, "balanced_accuracy")
    return above_guessing(kind, metrics.get("balanced_accuracy_low"), 1 / len(metrics["classes"]))


def judge_task(task: str, metrics: dict[str, Any]) -> Headline:
    """The pretrained network against its twin from scratch and k-mers, by the measure of `JUDGED`."""
    name, unit, _ = JUDGED[metrics["target"]]
    baselines = [
        Baseline(words, number(metrics[key].get(name)), judge_contestant(metrics, key))
        for key, words in (("from_scratch", "same network from scratch"), ("kmer", "k-mers"))
        if metrics.get(key)
    ]
    note = f"Guessing gives {guessed(metrics):.2g}. {tested(metrics)}."
    return Headline(f"Task {task}", number(metrics["pretrained"].get(name)), unit, baselines, note)


def judge_contestant(metrics: dict[str, Any], key: str) -> str:
    """The pretrained network against another contestant of a task, by the measure of `JUDGED`."""
    name = JUDGED[metrics["target"]][0]
    kind = by_intervals(metrics["pretrained"], metrics[key], name)
    return above_guessing(kind, metrics["pretrained"].get(f"{name}_low"), guessed(metrics))


def guessed(metrics: dict[str, Any]) -> float:
    """What guessing gives by the measure of `JUDGED`; of classes one over the number of those that are tested."""
    name, _, guess = JUDGED[metrics["target"]]
    if guess is not None:
        return guess
    majority = (metrics.get("majority") or {}).get(name)
    return 1 / len(metrics["classes"]) if majority is None else majority


def judge_comparison(comparison: dict[str, Any]) -> str:
    """AUROC against the Markov chain's, by the interval of the paired difference where there is one."""
    if "difference_low" in comparison:
        kind = by_difference(comparison["difference_low"], comparison["difference_high"])
    else:
        markov = {f"auroc{end}": comparison.get(f"markov_auroc{end}") for end in ("", "_low", "_high")}
        kind = by_intervals(comparison, markov, "auroc")
    return above_guessing(kind, comparison.get("auroc_low"), GUESSED_AUROC)


def judge_variants(name: str, comparisons: list[dict[str, Any]]) -> Headline | None:
    """AUROC by the labels of the sheet, else of stop-gained against synonymous, else of the first comparison."""
    measured = [item for item in comparisons if item.get("auroc") is not None]
    if not measured:
        return None
    labelled = [item for item in measured if item.get("by", "consequence") != "consequence"]
    stops = [item for item in measured if item["positives"] == "stop_gained"]
    first = [*labelled, *stops, *measured][0]
    pair = " against ".join(first[key].removesuffix("_variant").replace("_", " ") for key in ("positives", "negatives"))
    markov = Baseline("Markov chain", number(first.get("markov_auroc")), judge_comparison(first))
    return Headline(f"Variants {name}: {pair}", number(first["auroc"]), "AUROC", [markov], "Guessing gives 0.5.")


def tally(headlines: list[Headline]) -> str:
    """One sentence that counts the verdicts."""
    kinds = [baseline.kind for headline in headlines for baseline in headline.baselines]
    judged = [kind for kind in kinds if kind != "unknown"]
    if not judged:
        return "There is no comparison with a baseline yet."
    counts = {kind: judged.count(kind) for kind in ("better", "worse", "same", "guess")}
    names = {
        "better": "better than the baseline",
        "worse": "worse",
        "same": "not distinguishable from it",
        "guess": "better but no better than guessing",
    }
    parts = [f"{names[kind]} in {count}" for kind, count in counts.items() if count]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    plural = "comparison" if len(judged) == 1 else "comparisons"
    return f"Of {len(judged)} {plural} with a baseline, the model is {listed}."
