"""How time and memory grow with the context: attention (encoder) beside long convolutions (hyena).

Forward and backward pass of networks of equal width on one sequence, each point in a process of its own, since peak
memory belongs to a process. Prints a Markdown table, the exponent of time against length, and the length from which on
the faster network changes. A point that would take too long or too much memory, as far as the shorter ones tell, is
left out in words.

    python benchmarks/context.py [--lengths 1024 4096 ...] [--seconds 600] [--gigabytes 12]
"""

import argparse
import itertools
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure import THREADS, figure

KINDS = ("encoder", "hyena")
LENGTHS = (1 << 10, 1 << 12, 1 << 14, 1 << 16)
LONG = (1 << 18, 1 << 20)  # with a GPU alone
SHAPE = {"dim": 64, "layers": 2, "heads": 2, "expansion": 2}
MARGIN = 0.3  # what an exponent may still grow by beyond the lengths that were measured


class Point(NamedTuple):
    """Seconds of a step and bytes of its peak memory at a length in tokens."""

    length: int
    seconds: float
    memory: float


def measure(kind: str, length: int, least_seconds: float = 3.0) -> tuple[float, float]:
    """Seconds of the fastest step, and bytes that the first one took beyond what the process had before it."""
    import steps
    import torch

    device = steps.set_up()
    network = steps.new_model({"architecture": kind, "window": length, "ngram": 0, **SHAPE}).train()
    precision = "bfloat16" if device.type == "cuda" else "float32"

    def step(tokens: torch.Tensor) -> float:
        start = time.perf_counter()
        with steps.hardware.autocast(precision):
            loss = network(tokens, labels=tokens).loss
        loss.backward()
        network.zero_grad()
        steps.finish()
        return time.perf_counter() - start

    step(torch.randint(0, 4, (1, 128), device=device))
    tokens = torch.randint(0, 4, (1, length), device=device)
    reset_peak()
    before = resident()
    began = time.perf_counter()
    seconds = step(tokens)
    memory = peak() - before
    while time.perf_counter() - began < least_seconds:
        seconds = min(seconds, step(tokens))
    return seconds, float(max(memory, 0))


def reset_peak() -> None:
    """Begin to count the peak anew; the kernel counts it for processes, PyTorch for the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def resident() -> int:
    """Bytes in use now."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.memory_allocated()
    return _status("VmRSS") or peak()


def peak() -> int:
    """Bytes in use at most since `reset_peak`."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(key: str) -> int:
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), 0)


def measure_apart(kind: str, length: int, limit: float) -> tuple[float, float] | None:
    """`measure` in a process of its own; None if it takes longer than `limit` seconds, start and all."""
    command = [sys.executable, __file__, "--child", kind, str(length)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
    seconds, memory = json.loads(run.stdout.splitlines()[-1])
    return seconds, memory


def exponent(lengths: Sequence[float], values: Sequence[float]) -> float:
    """Slope of the straight line through the logarithms of values and lengths."""
    return float(np.polyfit(np.log(lengths), np.log(values), 1)[0])


def expected(points: Sequence[Point], length: int) -> Point:
    """What a longer point will at most take, from the slope between the last two and some margin."""
    last = points[-1]
    if len(points) < 2:
        return Point(length, last.seconds * (length / last.length) ** 2, last.memory * (length / last.length) ** 2)
    (one, two), ratio = points[-2:], length / last.length

    def grown(before: float, now: float) -> float:
        steepness = exponent((one.length, two.length), (max(before, 1e-9), max(now, 1e-9)))
        return now * ratio ** (max(1.0, steepness) + MARGIN)

    return Point(length, grown(one.seconds, two.seconds), grown(one.memory, two.memory))


def crossing(first: Sequence[Point], second: Sequence[Point]) -> float | None:
    """Length at which two curves of seconds meet, by straight lines between logarithms; None if they do not."""
    others = {point.length: point.seconds for point in second}
    shared = [(point.length, np.log(point.seconds / others[point.length])) for point in first if point.length in others]
    for (here, before), (there, after) in itertools.pairwise(shared):
        if before == 0 or before * after < 0:
            share = before / (before - after)
            return float(np.exp(np.log(here) + share * np.log(there / here)))
    return None


def available_gigabytes() -> float:
    """Memory that a point may take: 0.8 of what is free on the GPU or the machine."""
    import torch

    if torch.cuda.is_available():
        return 0.8 * torch.cuda.mem_get_info()[0] / 1e9
    path = Path("/proc/meminfo")
    lines = path.read_text().splitlines() if path.exists() else []
    free = next((float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), 8e9)
    return 0.8 * free / 1e9


def measure_all(kind: str, lengths: Sequence[int], seconds: float, gigabytes: float) -> list[Point]:
    """Points of an architecture, printed as they come; stops at the first that is beyond a limit."""
    points: list[Point] = []
    for length in sorted(lengths):
        if points:
            most = expected(points, length)
            if most.seconds > seconds or most.memory > gigabytes * 1e9:
                reason = f"up to {figure(most.seconds)} s and {figure(most.memory / 1e9)} GB expected"
                limits = f"limits {figure(seconds)} s and {figure(gigabytes)} GB"
                print(f"| {kind} | {length:,} | left out: {reason}, {limits} | | |")
                break
        found = measure_apart(kind, length, 4 * seconds + 120)
        if found is None:
            print(f"| {kind} | {length:,} | left out: took longer than {figure(4 * seconds + 120)} s | | |")
            break
        points.append(Point(length, *found))
        print(
            f"| {kind} | {length:,} | {figure(found[0])} s | {figure(found[0] / length * 1e6)} | "
            f"{figure(found[1] / length / 1024)} |",
            flush=True,
        )
    return points


def report(points: dict[str, list[Point]]) -> None:
    """Exponents and the crossing."""
    for kind, found in points.items():
        if len(found) > 1:
            lengths, seconds = [point.length for point in found], [point.seconds for point in found]
            print(
                f"{kind}: time grows as length to the {exponent(lengths, seconds):.2f} over all lengths, and to the "
                f"{exponent(lengths[-2:], seconds[-2:]):.2f} between the last two."
            )
    first, second = KINDS
    shared = {point.length for point in points[first]} & {point.length for point in points[second]}
    if not shared:
        return
    length = crossing(points[first], points[second])
    if length:
        print(f"They take equally long at about {figure(length)} tokens.")
    else:
        at = max(shared)
        times = {kind: next(point.seconds for point in points[kind] if point.length == at) for kind in KINDS}
        print(f"{min(times, key=lambda kind: times[kind])} is faster at every length that both were measured at.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", nargs="+", type=int, help="tokens; more of them where there is a GPU")
    parser.add_argument("--seconds", type=float, default=600, help="most that a step may take")
    parser.add_argument("--gigabytes", type=float, help="most that it may need; 0.8 of what is free if not given")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, length = arguments.child
        print(json.dumps(measure(kind, int(length))))
        return
    import torch

    graphics = torch.cuda.is_available()
    lengths = arguments.lengths or ((*LENGTHS, *LONG) if graphics else LENGTHS)
    gigabytes = arguments.gigabytes or available_gigabytes()
    machine = torch.cuda.get_device_name() + ", bfloat16" if graphics else f"{THREADS} threads, float32"
    print(f"{platform.processor() or platform.machine()}, {machine}, {time.strftime('%Y-%m-%d')}; {SHAPE}\n")
    print("| architecture | tokens | forward and backward | µs a token | peak memory, KiB a token |")
    print("| --- | ---: | ---: | ---: | ---: |")
    points = {kind: measure_all(kind, lengths, arguments.seconds, gigabytes) for kind in KINDS}
    print()
    report(points)


if __name__ == "__main__":
    main()
