"""What the report says of tasks in words: what was learnt, from which examples, how often, and how sure of itself."""

from typing import Any

from genoglot.report.blocks import Block, Bullets, Text
from genoglot.report.palette import CONTESTANTS
from genoglot.report.verdicts import JUDGED, number

ORDER = ("pretrained", "from_scratch", "kmer", "likelihood", "neighbours", "orf", "majority")
MAJORITY = {
    "classes": "commonest class",
    "labels": "how common each label is",
    "values": "mean of the values",
    "counts": "mean of the values",
}
# what is learnt, by the target: several, and one where there may be one
NOUNS = {"classes": "classes", "labels": "labels", "values": "columns of numbers", "counts": "tracks"}
ONE = {"labels": "label", "values": "column of numbers", "counts": "track"}
MODES = {
    "full": "The whole network was trained.",
    "lora": "Low-rank updates of the network's layers were trained (LoRA); the twin, whose weights are random, whole.",
    "probe": "A linear layer was trained on the network's description of a sequence; the network stayed as it was.",
}


def contestants(metrics: dict[str, Any]) -> list[str]:
    """Those of ORDER that took part."""
    return [key for key in ORDER if metrics.get(key)]


def absent(metrics: dict[str, Any]) -> list[str]:
    """Those that could have taken part and did not; floors that only some tasks have are not missed."""
    elsewhere = ("likelihood", "orf", *(["neighbours"] if metrics.get("bin") else []))
    return [key for key in ORDER[:-1] if key not in elsewhere and not metrics.get(key)]


def called(metrics: dict[str, Any], key: str) -> str:
    return MAJORITY[metrics["target"]] if key == "majority" else CONTESTANTS[key][0]


def learned(metrics: dict[str, Any]) -> str:
    """What was learnt from how much, in a sentence or two."""
    names = metrics["classes"]
    some = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    noun = NOUNS[metrics["target"]] if len(names) > 1 else ONE.get(metrics["target"], NOUNS[metrics["target"]])
    splits = ("train", "training"), ("validation", "validation"), ("test", "test")
    sizes = ", ".join(f"{metrics[f'n_{split}']:,} {words}" for split, words in splits)
    seeds = metrics.get("seeds") or []
    trained = f" Networks were trained {len(seeds)} times each, with seeds {', '.join(map(str, seeds))}."
    size = metrics.get("bin") or 0
    examples = f"Windows, in bins of {size} bases" if size > 1 else "Examples"
    return (
        f"{len(names)} {noun}: {some}. {examples}: {sizes}. {MODES.get(metrics.get('mode', ''), '')}"
        f"{trained if len(seeds) > 1 else ''}"
    )


def intervals(metrics: dict[str, Any]) -> str:
    """What the 95% intervals are over."""
    words = {
        "seeds": "trainings with other seeds, on these very test examples (t intervals)",
        "groups": "test examples drawn anew, neighbours together (bootstrap)",
    }
    found: dict[str, list[str]] = {}
    for key in contestants(metrics):
        if key != "majority" and (over := metrics[key].get("interval")) in words:
            found.setdefault(over, []).append(called(metrics, key))
    if not found:
        return ""
    parts = [f"of {' and '.join(names)} {words[over]}" for over, names in found.items()]
    return f"What the 95% intervals are over: {'; '.join(parts)}."


def runs_blocks(metrics: dict[str, Any]) -> list[Block]:
    """The measure of each training, where there were several."""
    name, words, _ = JUDGED[metrics["target"]]
    items = []
    for key in contestants(metrics):
        runs = metrics[key].get("by_seed") or []
        if len(runs) > 1:
            values = ", ".join(f"{number(run.get(name))} (seed {run['seed']})" for run in runs)
            items.append(f"{CONTESTANTS[key][0]}: {values}")
    return [Text(f"Each training, {words}:"), Bullets(items)] if items else []


def examples_blocks(about: dict[str, Any]) -> list[Block]:
    """Where the splits are from, what of the labelled sequences could not be used, and what the splits share."""
    blocks: list[Block] = []
    if origin := about.get("origin"):
        blocks.append(Text(f"Splits: {origin}."))
    if left_out := _counts(about.get("left_out")):
        blocks += [Text("Left out of the examples:"), Bullets(left_out)]
    if shared := _counts(about.get("shared")):
        blocks += [Text("Sequences that the splits share, which makes a test easier than new sequence:")]
        blocks.append(Bullets(shared))
    elif about.get("shared") is not None:
        blocks.append(Text("The splits share no sequence."))
    return blocks


def _counts(found: dict[str, Any] | None) -> list[str]:
    """`no label: 12`, of counts by reason, or `no label: 9 train, 3 test` where they are parted further; zeros not."""
    items = []
    for key, value in (found or {}).items():
        words = key.replace("_", " ")
        if isinstance(value, dict):
            parts = [f"{count:,} {part.replace('_', ' ')}" for part, count in value.items() if count]
            items += [f"{words}: {', '.join(parts)}"] if parts else []
        elif value:
            items.append(f"{words}: {value:,}")
    return items


def calibration_blocks(metrics: dict[str, Any]) -> list[Block]:
    """Whether probabilities are as often right as they say, in a sentence for each contestant that was calibrated."""
    items = []
    for key in contestants(metrics):
        before, after = (metrics[key].get(name) for name in ("ece", "ece_scaled"))
        if before is None or key == "majority":
            continue
        text = f"{called(metrics, key)}: {before:.3f}"
        if after is not None:
            text += f", after temperature scaling {after:.3f}{_temperature(metrics[key].get('temperature'))}"
        items.append(text)
    if not items:
        return []
    text = (
        "Calibration: how far the probability of the called class lies from the share of such calls that is right, on "
        "average (expected calibration error, 0 is perfect). Temperature scaling makes all probabilities of a network "
        "more or less extreme by one number, which is chosen on the validation examples."
    )
    return [Text(text), Bullets(items)]


def _temperature(temperature: float | None) -> str:
    if temperature is None:
        return ""
    said = "it was too sure of itself" if temperature > 1 else "it was not sure enough of itself"
    return f" (temperature {temperature:.2f}: {said})"
