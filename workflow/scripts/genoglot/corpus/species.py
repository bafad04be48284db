"""How many training windows each species gives to a corpus, and which."""

import numpy as np
import pandas as pd

from genoglot.corpus.hashing import contig_keys, window_numbers


def cap_species(
    windows: pd.DataFrame, species: dict[str, str], most: int | None, seed: int
) -> tuple[np.ndarray, dict[str, dict]]:
    """Choose at most `most` training windows of each species; None keeps all.

    The genomes of a species share its windows in proportion to what they have. Within a genome a window's own number
    (see `hashing`) decides: when a species gets another genome, each of the others keeps part of what it had, and
    no window that it did not have.

    Args:
        windows: columns genome, contig (both categories), start and split.
        species: species of each genome, in the order of the corpus.
        most: largest number of training windows of a species.
        seed: of the choice.

    Returns:
        Which windows are kept, bool (windows,), held-out ones always; and for each species its `genomes` and the
        number of its training windows `before` and `after`.
    """
    kept = np.ones(len(windows), dtype=bool)
    training = (windows["split"] == "train").to_numpy()
    rows = {name: np.flatnonzero(training & (windows["genome"] == name).to_numpy()) for name in species}
    report = {}
    for kind in dict.fromkeys(species.values()):
        genomes = [name for name, of in species.items() if of == kind]
        sizes = [len(rows[name]) for name in genomes]
        quotas = sizes if most is None or sum(sizes) <= most else share_out(sizes, most)
        for name, size, quota in zip(genomes, sizes, quotas, strict=True):
            if quota < size:
                order = np.argsort(_numbers(windows, name, rows[name], seed), kind="stable")
                kept[rows[name][order[quota:]]] = False
        report[kind] = {"genomes": genomes, "before": sum(sizes), "after": sum(quotas)}
    return kept, report


def share_out(sizes: list[int], total: int) -> list[int]:
    """Whole numbers in proportion to `sizes` that add up to `total` <= sum(sizes), by largest remainders."""
    whole = sum(sizes)
    quotas = [size * total // whole for size in sizes]
    remainders = [size * total % whole for size in sizes]
    for index in sorted(range(len(sizes)), key=lambda i: -remainders[i])[: total - sum(quotas)]:
        quotas[index] += 1
    return quotas


def _numbers(windows: pd.DataFrame, genome: str, rows: np.ndarray, seed: int) -> np.ndarray:
    contigs = windows["contig"].cat
    keys = contig_keys("species", seed, genome, contigs.categories)
    return window_numbers(keys[contigs.codes.to_numpy()[rows]], windows["start"].to_numpy()[rows])
