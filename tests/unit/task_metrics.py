"""metrics.json of tasks, made by hand for tests of the report: every number is one that a test can ask for."""

from typing import Any

from report_manifest import interval

TRAINED = ("pretrained", "from_scratch")
LEVELS = {"pretrained": 0.84, "from_scratch": 0.78, "kmer": 0.74, "neighbours": 0.66}
EXAMPLES = {
    "origin": "a hash of the sequence",
    "left_out": {"no_label": 12, "too_short": 0},
    "shared": {"train_and_test": {"exact": 3, "by_k-mers": 7, "dropped": 0}, "train_and_validation": 2},
}


def curves(level: float, base: float) -> dict[str, Any]:
    """ROC y = x^power with the area `level`, and precision over recall where `base` of the examples are positive."""
    false = [step / 40 for step in range(41)]
    true = [x ** (1 / level - 1) for x in false]
    precision = [1.0] + [base * y / (base * y + (1 - base) * x) for x, y in zip(false[1:], true[1:], strict=True)]
    return {"roc": {"x": false, "y": true}, "pr": {"x": true, "y": precision}}


def _about(target: str, names: list[str], kind: str, **parts: Any) -> dict[str, Any]:
    sizes = {"n_train": 1200, "n_validation": 150, "n_test": 400}
    about = {"task": "regions", "model": "demo", "kind": kind, "mode": "full", "target": target, "classes": names}
    return {**about, **sizes, "examples": EXAMPLES, "seeds": [1, 2, 3], **parts}


def few_shot(measure: str, low: float = 0.1) -> dict[str, Any]:
    """Three draws of four sizes; the last draw of the pretrained network could not be measured."""
    points = [
        {"contestant": key, "per_class": size, "draw": draw, "value": low + level * (place + 1) / 8 + 0.04 * (draw - 1)}
        for key, level in LEVELS.items()
        for place, size in enumerate((8, 32, 128, 512))
        for draw in range(3)
    ]
    points[11] = {**points[11], "value": None}
    return {"measure": measure, "points": points}


def _over(key: str, name: str, level: float) -> dict[str, Any]:
    """How sure a number is: over seeds of what is trained, over groups of the floors."""
    if key not in TRAINED:
        return {"interval": "groups"}
    by_seed = [{"seed": seed, name: level + 0.01 * (seed - 2)} for seed in (1, 2, 3)]
    return {"interval": "seeds", "by_seed": by_seed, "kept_seed": 2}


def _classes_summary(key: str, level: float, sizes: dict[str, int]) -> dict[str, Any]:
    total, names = sum(sizes.values()), list(sizes)
    scores = {"accuracy": level + 0.01, "macro_f1": level - 0.02, "auroc": level + 0.05, "auprc": level + 0.03}
    summary = {**scores, **interval("balanced_accuracy", level), **interval("mcc", level - 0.25), "ece": 0.081}
    measured = {"auroc": level, "auprc": level}
    summary["per_class"] = [
        {"class": name, "n": n, "f1": level - 0.05 * place, **measured} for place, (name, n) in enumerate(sizes.items())
    ]
    right = {name: round(level * n) for name, n in sizes.items()}
    others = len(names) - 1
    summary["confusion"] = [
        [right[name] if name == other else (sizes[name] - right[name]) // others for other in names] for name in names
    ]
    if key in TRAINED:
        summary |= {"temperature": 1.42, "ece_scaled": 0.023}
    if len(names) == 2:
        return {**summary, **curves(level, sizes[names[1]] / total)}
    level -= 0.2
    return summary | {
        "curves": [
            {"class": name, **curves(min(0.97, level + 0.07 * place), n / total)}
            for place, (name, n) in enumerate(sizes.items())
        ]
    }


def class_metrics(sizes: dict[str, int], **parts: Any) -> dict[str, Any]:
    """Of a task that tells classes apart, of which `sizes` test examples are there (400 in all)."""
    found = {
        key: _classes_summary(key, level, sizes) | _over(key, "balanced_accuracy", level)
        for key, level in LEVELS.items()
    }
    guess = {"accuracy": max(sizes.values()) / 400, "mcc": 0.0, **interval("balanced_accuracy", 1 / len(sizes), 0.0)}
    metrics = _about("classes", list(sizes), "classification", **found, majority=guess, few_shot=few_shot("mcc"))
    return {**metrics, **parts}


def label_metrics(**parts: Any) -> dict[str, Any]:
    """Of three labels, of which any may hold; the last is known of half the examples."""
    counts = {"promoter": (400, 120), "enhancer": (400, 40), "silencer": (200, 20)}

    def summary(key: str, level: float) -> dict[str, Any]:
        per_label = [
            {"label": name, "n": n, "positives": positives, "auroc": level - 0.05 * place, "auprc": 0.5, "f1": 0.5}
            for place, (name, (n, positives)) in enumerate(counts.items())
        ]
        lines = [{"label": name, **curves(level, positives / n)} for name, (n, positives) in counts.items()]
        means = {**interval("auroc", level), **interval("auprc", level - 0.3), **interval("mcc", level - 0.4)}
        return {**means, "f1": level - 0.2, "per_label": per_label, "curves": lines} | _over(key, "auroc", level)

    found = {key: summary(key, level) for key, level in LEVELS.items()}
    guess = {"auroc": 0.5, "auprc": 0.15, "mcc": 0.0, "f1": 0.0}
    metrics = _about("labels", list(counts), "multilabel", **found, majority=guess, few_shot=few_shot("auroc", 0.4))
    return {**metrics, **parts}


def value_metrics(columns: tuple[str, ...] = ("dev", "hk"), **parts: Any) -> dict[str, Any]:
    """Of numbers in one or several columns."""

    def summary(key: str, level: float) -> dict[str, Any]:
        per_column = [
            {"column": name, "n": 400, "pearson": level - 0.05 * place, "spearman": level - 0.07, "mse": 0.5, "r2": 0.4}
            for place, name in enumerate(columns)
        ]
        means = {**interval("pearson", level), **interval("spearman", level - 0.07), **interval("r2", level - 0.3)}
        return {**means, **interval("mse", 0.5), "per_column": per_column} | _over(key, "spearman", level - 0.07)

    found = {key: summary(key, level) for key, level in LEVELS.items()}
    guess = {**interval("pearson", 0.0, 0.0), **interval("spearman", 0.0, 0.0), "r2": -0.01, "mse": 1.0}
    few = few_shot("spearman")
    return {**_about("values", list(columns), "regression", **found, majority=guess, few_shot=few), **parts}
