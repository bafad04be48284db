"""Settings of a corpus as they are once defaults are filled in, and sequence, for the tests of corpora."""

from typing import Any

import numpy as np


def corpus_settings(**changes: Any) -> dict[str, Any]:
    """Small windows of a genome g; `recipe`, `split` and `leakage` are changed key by key."""
    settings: dict[str, Any] = {
        "genomes": ["g"],
        "window": 40,
        "step": 15,
        "jitter": 0,
        "max_n": 0.25,
        "max_soft_masked": 1.0,
        "recipe": {"type": "all", "features": ["gene"], "flank": 0, "promoter_upstream": 1000},
        "include": {},
        "exclude": {},
        "split": {"by": "contigs", "block": 200, "validation": 0.2, "test": 0.1},
        "validation": ["two"],
        "test": [],
        "weights": {},
        "max_windows_per_species": None,
        "leakage": {"kmer": 21, "max_shared": 0.5, "drop": False},
    }
    for key, value in changes.items():
        nested = isinstance(value, dict) and key in ("recipe", "split", "leakage")
        settings[key] = {**settings[key], **value} if nested else value
    if settings["split"]["by"] == "hash":
        settings["validation"] = settings["test"] = []
    return settings


def random_sequence(length: int, seed: int, letters: str = "ACGT") -> str:
    return "".join(np.random.default_rng(seed).choice(list(letters), length))
