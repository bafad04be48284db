"""Measure what the documentation claims about speed and memory: `make benchmark`.

Each measurement runs in a process of its own, since threads, allocator and peak memory belong to a process. Every
figure stands beside a baseline from the same run. Results go to stdout as a Markdown table; nothing is written.

    python benchmarks/run.py [NAME ...]                  all measurements but those of large data, or those named
    FASTA=R64.fa.gz python benchmarks/run.py ready       of a genome of your own instead of 12 random megabases
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import data
import models
from measure import THREADS

# name -> (what it is, unit, function, arguments); the first of a group is the baseline of the group
MEASUREMENTS: dict[str, list[tuple[str, str, Callable[..., float], dict]]] = {
    "memory": [
        (
            "training, cloze, freed memory returned",
            "tokens/s",
            models.training_rate,
            {"shape": "cloze", "keep_memory": False},
        ),
        ("training, cloze, freed memory kept", "tokens/s", models.training_rate, {"shape": "cloze"}),
    ],
    "precision": [
        ("training, cloze, float32", "tokens/s", models.training_rate, {"shape": "cloze"}),
        ("training, cloze, bfloat16", "tokens/s", models.training_rate, {"shape": "cloze", "precision": "bfloat16"}),
    ],
    "architecture": [
        ("training, convnet, float32", "tokens/s", models.training_rate, {"shape": "convnet"}),
        ("training, cloze, float32", "tokens/s", models.training_rate, {"shape": "cloze"}),
    ],
    "scoring": [
        ("scoring, one window a site", "sites/s", models.scoring_rate, {"how": "one by one"}),
        ("scoring, tiled", "sites/s", models.scoring_rate, {"how": "tiled"}),
    ],
    "ready": [
        ("12 Mb, FASTA to windows of text, as GPN's workflow", "s", data.text_seconds, {"how": "pandas"}),
        ("12 Mb, FASTA to windows of text, a plain loop", "s", data.text_seconds, {"how": "loop"}),
        ("12 Mb, FASTA to tokens and windows", "s", data.ready_seconds, {"megabases": 12}),
        ("12 Mb, windows from tokens", "s", data.ready_seconds, {"megabases": 12, "tokens": False}),
        ("48 Mb, FASTA to tokens and windows", "s", data.ready_seconds, {"megabases": 48}),
    ],
    "loader": [
        ("loader, text windows, a tokenizer, masks", "tokens/s", data.text_loader_rate, {}),
        ("loader, masks and reverse complements", "tokens/s", data.loader_rate, {"mask_rate": 0.15}),
        ("loader, reverse complements", "tokens/s", data.loader_rate, {"mask_rate": None}),
    ],
    "leakage": [
        ("leakage, 12 Mb against 0.6 Mb held out", "s", data.leakage_seconds, {"megabases": 12}),
        ("leakage, 48 Mb against 2.4 Mb held out", "s", data.leakage_seconds, {"megabases": 48}),
    ],
    "thousand": [("dry run, a sheet of 1,000 genomes in one corpus", "s", data.dry_run_seconds, {"genomes": 1000})],
    "large": [
        ("3.1 Gb, FASTA (gzip) to tokens", "s", data.large_seconds, {"step": "genome"}),
        ("3.1 Gb, windows", "s", data.large_seconds, {"step": "windows"}),
        ("3.1 Gb, bytes on disk a base, tokens and windows", "", data.large_seconds, {"step": "disk"}),
    ],
}
ASKED_FOR = {"large"}  # some ten minutes and 6 GB of disk


def measure_apart(group: str, number: int) -> tuple[float, float]:
    """Value and peak memory (MiB) of one measurement, in a process of its own."""
    command = [sys.executable, __file__, "--child", group, str(number)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    value, memory = json.loads(output.splitlines()[-1])
    return value, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        group, number = arguments.child
        _, _, function, options = MEASUREMENTS[group][int(number)]
        value = function(**options)
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(json.dumps([value, peak / 1024]))
        return
    unknown = set(arguments.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    print(f"{platform.processor() or platform.machine()}, {THREADS} threads, {time.strftime('%Y-%m-%d')}\n")
    print("| measurement | value | to the first of its group | peak memory (MiB) |")
    print("| --- | ---: | ---: | ---: |")
    for group in arguments.names or [name for name in MEASUREMENTS if name not in ASKED_FOR]:
        baseline = None
        for number, (label, unit, _, _) in enumerate(MEASUREMENTS[group]):
            value, memory = measure_apart(group, number)
            baseline = baseline or value
            print(f"| {label} | {value:,.3g} {unit} | {value / baseline:.2f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
