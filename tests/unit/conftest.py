"""Fixtures that several unit tests share."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genoglot.genome.store import Genome, encode


@pytest.fixture
def make_genome(tmp_path: Path) -> Callable[[dict[str, str]], Genome]:
    """Write a tokenized genome from contig names and sequences, without the code that does it for users."""

    def make(contigs: dict[str, str], folder: str = "sequence") -> Genome:
        target = tmp_path / folder
        target.mkdir(parents=True, exist_ok=True)
        np.save(target / "bases.npy", np.concatenate([encode(sequence) for sequence in contigs.values()]))
        offset, lines = 0, ["contig\tlength\toffset"]
        for name, sequence in contigs.items():
            lines.append(f"{name}\t{len(sequence)}\t{offset}")
            offset += len(sequence)
        (target / "contigs.tsv").write_text("\n".join(lines) + "\n")
        return Genome(target)

    return make


@pytest.fixture
def describe_genome(tmp_path: Path) -> Callable[[dict[str, str]], dict[str, Path]]:
    """Write the part of `genome.json` that a corpus reads, for a genome called g."""

    def describe(contigs: dict[str, str]) -> dict[str, Path]:
        entries = [{"name": name, "length": len(text)} for name, text in contigs.items()]
        (tmp_path / "genome.json").write_text(json.dumps({"source_sha256": "0", "contigs": entries}))
        return {"g": tmp_path / "genome.json"}

    return describe
