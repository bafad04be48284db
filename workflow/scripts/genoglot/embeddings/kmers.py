"""Frequencies of canonical k-mers in windows of a tokenized genome: the baseline of every embedding."""

from functools import cache

import numpy as np

from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.store import N_CODE, Genome

CHUNK = 4096


@cache
def canonical_classes(k: int) -> tuple[np.ndarray, int]:
    """Class of every k-mer where a k-mer and its reverse complement share one.

    A k-mer's number is its bases read as digits of base 4, the first base the most significant.

    Returns:
        Classes, int64 of shape (4**k,), numbered from 0, and how many classes there are.
    """
    numbers = np.arange(4**k)
    digits = numbers[:, None] // 4 ** np.arange(k)[::-1] % 4
    mates = ((3 - digits[:, ::-1]) * 4 ** np.arange(k)[::-1]).sum(axis=1)
    smallest, classes = np.unique(np.minimum(numbers, mates), return_inverse=True)
    return classes, len(smallest)


def kmer_counts(codes: np.ndarray, k: int) -> np.ndarray:
    """Counts of canonical k-mers, float32 of shape (windows, classes), of base codes (windows, size).

    A k-mer with an N counts nowhere.
    """
    classes, n_classes = canonical_classes(k)
    windows, size = codes.shape
    if size < k:
        return np.zeros((windows, n_classes), dtype=np.float32)
    numbers, known = kmer_numbers(codes, k)
    cells = classes[numbers] + np.arange(windows)[:, None] * n_classes
    counts = np.bincount(cells[known], minlength=windows * n_classes)
    return counts.reshape(windows, n_classes).astype(np.float32)


def kmer_frequencies(genome: Genome, contigs: np.ndarray, starts: np.ndarray, ends: np.ndarray, k: int) -> np.ndarray:
    """Canonical k-mer frequencies, float32 of shape (windows, classes), each row summing to 1 (to 0 if it has none).

    `contigs` holds contig numbers of `genome`; `starts` and `ends` are 0-based half-open. Windows may differ in length.
    """
    sizes = ends - starts
    longest = int(sizes.max(initial=0))
    frequencies = np.zeros((len(starts), canonical_classes(k)[1]), dtype=np.float32)
    for first in range(0, len(starts), CHUNK):
        part = slice(first, first + CHUNK)
        codes = genome.windows(contigs[part], starts[part], longest)
        codes[np.arange(longest) >= sizes[part, None]] = N_CODE
        counts = kmer_counts(codes, k)
        frequencies[part] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return frequencies
