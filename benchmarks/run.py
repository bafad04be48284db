"""Measure what the documentation claims about speed and memory: `make benchmark`.

Each measurement runs in a process of its own, since threads, allocator and peak memory belong to a process. Every
figure stands beside a baseline from the same run. Results go to stdout as a Markdown table; nothing is written.

    python benchmarks/run.py [NAME ...]                  all measurements but the long ones, or those named
    python benchmarks/run.py --rounds 3 trainer          medians of so many rounds through a group
    FASTA=R64.fa.gz python benchmarks/run.py ready       of a genome of your own instead of 12 random megabases

Not in here: `context.py`, `gpu.py` and `equal_minutes.py`, programs of their own.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time

from measure import THREADS, NotHereError, figure
from measurements import LONG, MEASUREMENTS


def measure(group: str, number: int) -> list:
    """Value, peak memory (MiB) and note of one measurement; the value is None if it cannot be made here."""
    made = MEASUREMENTS[group][number]
    try:
        found = made.function(**made.options)
    except NotHereError as error:
        return [None, 0, str(error)]
    value, note = found if isinstance(found, tuple) else (found, "")
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return [value, peak / 1024, note]


def measure_apart(group: str, number: int) -> list:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--child", group, str(number)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{MEASUREMENTS[group][number].label} failed:\n{run.stderr[-4000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def report(group: str, rounds: int) -> None:
    """Print the rows of a group: medians, where there are several rounds, with the smallest and largest value."""
    results: list[list[list]] = [[] for _ in MEASUREMENTS[group]]
    baseline = None
    for turn in range(rounds):
        for number, made in enumerate(MEASUREMENTS[group]):
            results[number].append(measure_apart(group, number))
            if turn < rounds - 1:
                continue
            values = [value for value, _, _ in results[number] if value is not None]
            _, memory, note = results[number][-1]
            if not values:
                print(f"| {made.label} | not measured: {note} | | | |", flush=True)
                continue
            value = statistics.median(values)
            if number == 0 or made.baseline or baseline is None:
                baseline = value
            spread = f" ({figure(min(values))} to {figure(max(values))})" if rounds > 1 else ""
            print(
                f"| {made.label} | {figure(value)} {made.unit}{spread} | {value / baseline:.2f} | {memory:,.0f} | "
                f"{note} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--rounds", type=int, default=1, help="how often each group is gone through")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        group, number = arguments.child
        print(json.dumps(measure(group, int(number))))
        return
    unknown = set(arguments.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    if arguments.rounds < 1:
        parser.error("--rounds is 1 or more")
    print(f"{platform.processor() or platform.machine()}, {THREADS} threads, {time.strftime('%Y-%m-%d')}\n")
    print("| measurement | value | to the baseline above it | peak memory (MiB) | |")
    print("| --- | ---: | ---: | ---: | --- |")
    for group in arguments.names or [name for name in MEASUREMENTS if name not in LONG]:
        report(group, arguments.rounds)


if __name__ == "__main__":
    main()
