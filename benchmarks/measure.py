"""What measurements share: where the library is, how many threads there are, and how a call is timed."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

THREADS = os.cpu_count() or 1
# a value, or a value and what is to be said beside it
Result = float | tuple[float, str]


class NotHereError(Exception):
    """A measurement that this machine cannot make; the message says why."""


def best_time(call: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of some calls, after one that does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def figure(value: float) -> str:
    """A number with three significant digits, written out."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"
