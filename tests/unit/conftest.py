"""Fixtures that several unit tests share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from haplotype_files import read_fasta, write_reference
from tiny_corpus import random_sequence
from web_server import Server

from genoglot.annotation.normalise import normalise_annotation
from genoglot.annotation.table import read_annotation
from genoglot.genome.store import Genome, encode
from genoglot.population.chain import Chain
from genoglot.population.haplotype import derive_haplotype
from genoglot.sources import download


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


@pytest.fixture
def contigs() -> dict[str, str]:
    """Three contigs: one with N and lower case, one of capitals, and one that is shorter than a window of 40."""
    middle = random_sequence(60, 1) + "N" * 30 + random_sequence(77, 2).lower()
    return {"one": middle, "two": random_sequence(133, 3), "short": random_sequence(39, 4)}


@pytest.fixture
def training_corpus(make_genome, describe_genome, tmp_path):
    """A corpus to train on, of `tiny_training`; imported here, since torch takes its time."""
    from tiny_training import CONTIGS, TinyCorpus

    return TinyCorpus(tmp_path, make_genome(CONTIGS), describe_genome(CONTIGS))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Back-off without waiting; the list of pauses asked for."""
    asked: list[float] = []
    monkeypatch.setattr(download.time, "sleep", asked.append)
    return asked


@pytest.fixture
def write_genbank(tmp_path):
    def run(text: str | bytes, name: str = "a.gbk") -> Path:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return run


@pytest.fixture
def normalise_genbank(write_genbank, tmp_path):
    """Normalise a GenBank text; return its table and report."""

    def run(text: str, lengths: dict[str, int]) -> tuple[pd.DataFrame, dict]:
        source = write_genbank(text)
        offsets = np.cumsum([0, *lengths.values()])[:-1]
        table = pd.DataFrame({"contig": list(lengths), "length": list(lengths.values()), "offset": offsets})
        table.to_csv(tmp_path / "contigs.tsv", sep="\t", index=False)
        normalise_annotation(source, tmp_path / "contigs.tsv", tmp_path / "a.gff3.gz", tmp_path / "a.json")
        return read_annotation(tmp_path / "a.gff3.gz"), json.loads((tmp_path / "a.json").read_text())

    return run


@pytest.fixture
def derive(tmp_path):
    """Apply a VCF to contigs; return the sequences, the chain and the report."""

    def run(
        contigs: dict[str, str], vcf: str | bytes, sample: str = "S", haplotype: int = 1, **more
    ) -> tuple[dict[str, str], Chain, dict]:
        source = tmp_path / "source"
        source.write_bytes(vcf if isinstance(vcf, bytes) else vcf.encode())
        outputs = [tmp_path / name for name in ("derived.fa", "to_reference.chain", "haplotype.json")]
        derive_haplotype(write_reference(tmp_path, contigs), source, sample, haplotype, *outputs, **more)
        return read_fasta(outputs[0]), Chain.read(outputs[1]), json.loads(outputs[2].read_text())

    return run
