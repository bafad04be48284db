"""k-mers as numbers: the bases are digits of base 4, the first the most significant."""

import numpy as np

from genoglot.genome.store import N_CODE


def kmer_numbers(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of the k-mer that starts at each base (int32), and whether all its bases are known.

    Both have shape (..., size - k + 1), none where the size is below k, of base codes (..., size) without soft-mask
    bits; k is at most 15. An N counts as A in the number.
    """
    length = max(codes.shape[-1] - k + 1, 0)
    numbers = np.zeros((*codes.shape[:-1], length), dtype=np.int32)
    known = np.ones(numbers.shape, dtype=bool)
    unknown = codes >= N_CODE
    for offset in range(k):
        numbers <<= 2
        numbers |= codes[..., offset : offset + length] & 3
        known &= ~unknown[..., offset : offset + length]
    return numbers, known
