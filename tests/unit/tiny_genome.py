"""Genomes and annotations of a few hundred bases, written as the workflow would, for tests of variants."""

from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from genoglot.annotation.table import read_annotation
from genoglot.genome.store import encode


def write_genome(folder: Path, contigs: dict[str, str]) -> tuple[Path, Path]:
    """Write sequences as a tokenized genome and as an indexed FASTA; return both paths."""
    sequence = folder / "sequence"
    sequence.mkdir(parents=True)
    np.save(sequence / "bases.npy", encode("".join(contigs.values())))
    lengths = [len(text) for text in contigs.values()]
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    table = pd.DataFrame({"contig": list(contigs), "length": lengths, "offset": offsets})
    table.to_csv(sequence / "contigs.tsv", sep="\t", index=False)
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    pysam.faidx(str(fasta))
    return sequence, fasta


def write_gff(path: Path, rows: str) -> Path:
    """Write GFF3 from rows `contig type start end strand phase attributes` (1-based, separated by blanks)."""
    lines = ["##gff-version 3"]
    for row in rows.strip().splitlines():
        contig, kind, start, end, strand, phase, attributes = row.split()
        lines.append("\t".join([contig, "test", kind, start, end, ".", strand, phase, attributes]))
    path.write_text("\n".join(lines) + "\n")
    return path


def annotation_of(folder: Path, rows: str) -> pd.DataFrame:
    return read_annotation(write_gff(folder / "annotation.gff3", rows))
