"""Numbers and lists in the words of the report."""

from typing import Any


def bases(count: float) -> str:
    """A length in the unit that suits it."""
    for size, unit in ((1e9, "Gb"), (1e6, "Mb"), (1e3, "kb")):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count:.0f} bp"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def memory(megabytes: float) -> str:
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


def count(n: int, noun: str) -> str:
    """`1 genome`, `12 genomes`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def share(part: float, whole: float) -> str:
    if not part or not whole:
        return "0"
    share = 100 * part / whole
    return f"{share:.1f}%" if share >= 0.05 else "<0.1%"


def some(names: list[str], most: int = 6) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def tested(metrics: dict[str, Any]) -> str:
    """How many test examples there are, or of a truth for each base or bin how many of these."""
    if not metrics.get("bin"):
        return f"{metrics['n_test']:,} test examples"
    return f"{metrics['bins_test']:,} test {'bases' if metrics['bin'] == 1 else 'bins'}"
