"""Hashes, and random numbers that windows carry in their names.

A window's number depends on the purpose, the seed, its genome, its contig and its start, and on nothing else: what
other windows there are, and in which order, does not matter.
"""

import hashlib
from collections.abc import Iterable

import numpy as np


def uniform(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def contig_keys(purpose: str, seed: int, genome: str, contigs: Iterable[str]) -> np.ndarray:
    """What `window_numbers` needs to know of each contig, uint64 (contigs,)."""
    texts = (f"{purpose}\t{seed}\t{genome}\t{contig}" for contig in contigs)
    raw = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)


def mix(numbers: np.ndarray) -> np.ndarray:
    """Numbers spread over all 64 bits, uint64: the finaliser of SplitMix64 (Steele, Lea & Flood 2014,
    doi:10.1145/2660193.2660195).

    It maps the numbers of 64 bits one to one.
    """
    mixed = numbers ^ (numbers >> np.uint64(30))
    for factor, shift in ((0xBF58476D1CE4E5B9, 27), (0x94D049BB133111EB, 31)):
        mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(shift)
    return mixed


def window_numbers(keys: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Numbers uniform over 64 bits, uint64 (windows,), from each window's contig key and its start."""
    return mix(keys + np.asarray(starts).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
