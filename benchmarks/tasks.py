"""Tasks whose results others have published, and learning from few labels: studies run, and put into tables.

    python benchmarks/tasks.py gue|cnnprom|few_shot [--data ../shared/data] [--work FOLDER] [--cores 2]

`gue`: test sets of GUE (Zhou et al. 2023) beside DNABERT-2. `cnnprom`: promoters of two species beside CNNProm (Umarov
and Solovyev 2017). `few_shot`: region classes of yeast from 8 to 128 labels of each. The study is made in a folder of
the work folder; what is there already is not made again. Tables are Markdown.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml
from scipy.stats import t
from task_studies import CNNPROM, GUE, STUDIES

ROOT = Path(__file__).resolve().parent.parent
DNABERT2 = {"prom_core_tata": 74.17, "prom_core_all": 69.37, "tf_0": 71.99, "tf_3": 58.54}
CNN = {"arabidopsis": (0.91, 0.95, 0.97), "ecoli": (0.84, 0.90, 0.96)}  # MCC, sensitivity, specificity
STARTS = {"pretrained": "pretrained", "from_scratch": "from scratch"}
FLOORS = {"kmer": "k-mers", "neighbours": "neighbours", "majority": "majority"}


def run(
    study: str, data: Path, folder: Path, cores: int, tasks: list[str], seeds: int | None
) -> dict[str, dict[str, Any]]:
    """The measures of each task of a study, which is run as far as it has not been."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"genomes": "genomes.tsv", "variants": None, **STUDIES[study](data, folder)}
    if seeds is not None:
        for settings in config["tasks"].values():
            settings["seeds"] = seeds
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    paths = {}
    for task in tasks or config["tasks"]:
        (model,) = config["tasks"][task].get("models", config["models"])
        paths[task] = f"results/tasks/{task}/{model}/metrics.json"
    # two trainings with a thread each are faster than one after the other with two
    one_thread = [f"{rule}=1" for rule in ("finetune_head", "learn_from_few", "fit_floors")]
    command = [
        "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--configfile",
        str(folder / "config.yaml"), "--cores", str(cores), "--set-threads", *one_thread, "--", *paths.values(),
    ]  # fmt: skip
    subprocess.run([sys.executable, "-m", *command], check=True)
    return {task: json.loads((folder / path).read_text()) for task, path in paths.items()}


def gue_table(measured: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A row a task, in hundredths of MCC; with the seconds of a run and what the test set shares with training."""
    yield header("test MCC", *STARTS.values(), *FLOORS.values(), "DNABERT-2, published")
    for task, metrics in measured.items():
        values = [hundredths(metrics[start]) for start in STARTS]
        floors = [f"{100 * metrics[floor]['mcc']:.1f}" for floor in FLOORS]
        yield row(GUE[task], *values, *floors, f"{DNABERT2[task]:.2f}")
    yield ""
    yield header(
        "", "training, dev, test examples", "test sequences in training", "half their 21-mers there",
        "dev MCC, pretrained", "dev MCC, from scratch", "seconds a run, pretrained", "from scratch",
    )  # fmt: skip
    for task, metrics in measured.items():
        shared = metrics["examples"]["shared"]["test_and_training"]
        counts = ", ".join(f"{metrics[f'n_{split}']:,}" for split in ("train", "validation", "test"))
        dev = [f"{100 * mean(run['validation'] for run in metrics[start]['runs']):.1f}" for start in STARTS]
        seconds = [", ".join(f"{run['seconds']:.0f}" for run in metrics[start]["runs"]) for start in STARTS]
        yield row(GUE[task], counts, *(f"{count:,}" for count in shared.values()), *dev, *seconds)


def cnnprom_table(measured: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A row a species and contestant: means over the splits, with t intervals of MCC."""
    yield header("", "", "test MCC", "sensitivity", "specificity", "seconds a run")
    for species in CNNPROM:
        splits = [metrics for task, metrics in measured.items() if task.rsplit("_", 1)[0] == species]
        for contestant, name in (STARTS | FLOORS).items():
            found = [metrics[contestant] for metrics in splits]
            recalls = [mean(recall(one, of) for one in found) for of in ("promoter", "other")]
            seconds = [run["seconds"] for one in found for run in one.get("runs", [])]
            yield row(
                species, name, with_interval([one["mcc"] for one in found]), *(f"{each:.3f}" for each in recalls),
                f"{mean(seconds):.0f}" if seconds else "",
            )  # fmt: skip
        yield row(species, "CNNProm, published", *(f"{value:.2f}" for value in CNN[species]), "")


def recall(found: dict[str, Any], name: str) -> float:
    """The share of the test examples of a class that are said to be of it."""
    number = [each["class"] for each in found["per_class"]].index(name)
    row = found["confusion"][number]
    return row[number] / sum(row)


def few_shot_table(measured: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A row a mode and number of labels, a column a contestant; the last row is of all labels."""
    names = {**STARTS, "kmer": "k-mers", "neighbours": "neighbours"}
    yield header("test MCC", "labels of each class", *names.values())
    for task, metrics in measured.items():
        points = {(each["contestant"], each["per_class"]): each for each in metrics["few_shot"]["means"]}
        for size in sorted({size for _, size in points}):
            yield row(task, str(size), *(between(points[name, size], "value") for name in names))
        yield row(task, f"all {metrics['n_train']:,}", *(between(metrics[name], "mcc") for name in names))


TABLES = {"gue": gue_table, "cnnprom": cnnprom_table, "few_shot": few_shot_table}


def header(*cells: str) -> str:
    return f"{row(*cells)}\n{row(*('---' for _ in cells))}"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def between(found: dict[str, Any], key: str) -> str:
    """A value with its 95% interval, if it has one."""
    low, high = found[f"{key}_low"], found[f"{key}_high"]
    return f"{found[key]:.3f}" + ("" if low is None else f" [{low:.3f}, {high:.3f}]")


def hundredths(found: dict[str, Any]) -> str:
    """MCC in hundredths: the mean, its interval and the value of each seed."""
    each = ", ".join(f"{100 * one['mcc']:.1f}" for one in found["by_seed"])
    return f"{100 * found['mcc']:.2f} [{100 * found['mcc_low']:.1f}, {100 * found['mcc_high']:.1f}] ({each})"


def with_interval(values: list[float]) -> str:
    """The mean of a value for each split, with its 95% t interval."""
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    return f"{mean(values):.3f}" + ("" if half is None else f" [{mean(values) - half:.3f}, {mean(values) + half:.3f}]")


def parameters_of(folder: Path) -> Iterator[str]:
    """What each network was, and how long its pretraining took."""
    for path in sorted(folder.glob("results/models/*/training.json")):
        training = json.loads(path.read_text())
        yield (
            f"Model {path.parent.name}: {training['parameters']:,} parameters, pretrained on "
            f"{training['tokens_seen']:,} tokens in {training['seconds']:.0f} seconds."
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=TABLES)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real data")
    parser.add_argument("--work", type=Path, default=ROOT / "results" / "tasks_benchmark", help="folder of the studies")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--task", nargs="*", default=[], help="tasks of the study, if not all")
    parser.add_argument("--seeds", type=int, help="trainings from either start, if not as many as the study has")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"{arguments.data} is no folder: give that of the real data by --data")
    folder = arguments.work.resolve() / arguments.study
    measured = run(arguments.study, arguments.data.resolve(), folder, arguments.cores, arguments.task, arguments.seeds)
    print(*parameters_of(folder), "", *TABLES[arguments.study](measured), sep="\n")


if __name__ == "__main__":
    main()
