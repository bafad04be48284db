"""A table of the models of a finished study: what each made of the time it was given.

    python benchmarks/equal_minutes.py STUDY/results [MODEL ...]

Reads `metrics.json`, `training.json` and `config.json` of each model and the comparisons of `variants`, and prints
Markdown; nothing is written. The models come in the order of their bits per base. What a model predicts is a base from
both sides, or, if it is causal, the next token: each gain is therefore over the Markov baseline of its own kind.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from measure import figure

COLUMNS = (
    "model", "architecture", "parameters", "tokens/s, validations included", "tokens seen", "seconds", "bits per base",
    "its Markov baseline", "gain",
)  # fmt: skip
POSITIVES, NEGATIVES = "stop_gained", "synonymous_variant"


def read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else {}


def find_models(results: Path, wanted: list[str]) -> list[str]:
    """Names of the models that have metrics, or those wanted.

    Raises:
        SystemExit: there are none, or one that is wanted has none.
    """
    found = sorted(path.parent.name for path in results.glob("models/*/metrics.json"))
    if not found:
        raise SystemExit(f"{results} has no models/*/metrics.json; give the results folder of a finished study")
    if missing := [name for name in wanted if name not in found]:
        raise SystemExit(f"{results}/models has no metrics.json of {', '.join(missing)}; it has {', '.join(found)}")
    return wanted or found


def architecture_of(training: dict[str, Any], config: dict[str, Any]) -> str:
    """Kind and shape, such as "convnet 128 x 8", with what is particular about it."""
    settings = training.get("architecture") or {}
    kind = settings.get("type") or config.get("architecture") or config.get("model_type", "unknown")
    words = [kind]
    if config.get("dim") and config.get("layers"):
        words.append(f"{config['dim']} x {config['layers']}")
    if config.get("causal") and kind != "decoder":
        words.append("causal")
    if config.get("equivariant"):
        words.append("equivariant")
    return " ".join(words)


def auroc_of(results: Path, variants: str, model: str) -> str:
    """Area under the curve of stops against synonymous variants, with its interval."""
    for comparison in read(results / "variants" / variants / f"{model}.metrics.json") or []:
        if (comparison["positives"], comparison["negatives"]) == (POSITIVES, NEGATIVES) and comparison.get("auroc"):
            return f"{comparison['auroc']:.3f} [{comparison['auroc_low']:.3f}, {comparison['auroc_high']:.3f}]"
    return ""


def row_of(results: Path, model: str, variants: list[str]) -> list[str]:
    """The cells of a model."""
    folder = results / "models" / model
    metrics, training, config = (read(folder / name) for name in ("metrics.json", "training.json", "config.json"))
    tokens, seconds = training.get("tokens_seen"), training.get("seconds")
    error = metrics.get("gain_se")
    gain = metrics.get("gain", metrics["markov_bits_per_base"] - metrics["bits_per_base"])
    return [
        model,
        architecture_of(training, config),
        millions(metrics.get("parameters") or training.get("parameters")),
        figure(tokens / seconds) if tokens and seconds else "",
        millions(tokens),
        figure(seconds) if seconds else "",
        f"{metrics['bits_per_base']:.4f}",
        f"{metrics['markov_bits_per_base']:.4f}",
        f"{gain:.4f}" + (f" (standard error {error:.4f})" if error else ""),
        *(auroc_of(results, name, model) for name in variants),
    ]


def millions(count: float | None) -> str:
    return f"{count / 1e6:.2f}M" if count else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results folder of the study")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="all that are evaluated, if none is named")
    arguments = parser.parse_args()
    results = arguments.results
    models = find_models(results, arguments.models)
    sets = sorted(
        {
            path.parent.name
            for path in results.glob("variants/*/*.metrics.json")
            if any(auroc_of(results, path.parent.name, model) for model in models)
        }
    )
    names = [f"stop against synonymous, AUROC ({name})" for name in sets]
    print(f"| {' | '.join((*COLUMNS, *names))} |")
    print(f"| --- | --- | {' | '.join('---:' for _ in (*COLUMNS[2:], *names))} |")
    rows = [row_of(results, model, sets) for model in models]
    for row in sorted(rows, key=lambda cells: float(cells[COLUMNS.index("bits per base")])):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
