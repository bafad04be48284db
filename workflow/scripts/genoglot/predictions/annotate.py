"""Genes of a genome as GFF3, from a head that says what each base is to them."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pysam

from genoglot.errors import InputError
from genoglot.files import atomic_path, read_json
from genoglot.genes.decoding import Decoder, Gene
from genoglot.genome.store import CODE_MASK, forget
from genoglot.predictions.bins import Predicted, predicted_bins, write_bins
from genoglot.tasks.heads import ABOUT

log = logging.getLogger(__name__)

PIECE, OVERLAP = 2_000_000, 200_000  # bases that are decoded at once, and those before and after that they look at
SOURCE = "Genoglot"


def annotate_genome(
    backbone: Path,
    head: Path,
    sequence: Path,
    output: Path,
    settings: Mapping[str, Any],
    description: Mapping[str, Any],
    threads: int,
    names: Path | None = None,
    contigs: list[str] | None = None,
) -> None:
    """Write `genes.gff3.gz` with its index, and what `bins.write_bins` writes.

    A gene, its mRNA and the parts of its CDS are rows of GFF3, with the mean probability of its coding bases as score;
    genes that reach over an end of their contig have `partial=true`.

    Args:
        description: `prediction`, `task` and `model`; genes are named after the first.
        others: as of `bins.predicted_bins`.

    Raises:
        InputError: the head is of another backbone, or of another kind of task.
    """
    about, output = read_json(Path(head) / ABOUT), Path(output)
    if "decoder" not in about:
        raise InputError(f"{Path(head) / ABOUT}: this head does not say what bases are to genes; it is of another task")
    decoder = Decoder.from_json(about["decoder"])
    with predicted_bins(backbone, head, sequence, output, settings, threads, names, contigs) as made:
        count, exons = _write(made, decoder, output / "genes.gff3.gz", description["prediction"])
        write_bins(made, output, {**description, "genes": count, "exons": exons})


def _write(made: Predicted, decoder: Decoder, path: Path, prefix: str) -> tuple[int, int]:
    """Write the genes; return how many there are, and their exons."""
    count, exons = 0, 0
    with atomic_path(path) as gff, atomic_path(Path(f"{path}.tbi")) as index:
        with pysam.BGZFile(str(gff), "wb", None) as handle:
            handle.write(b"##gff-version 3\n")
            for place in range(len(made.numbers)):
                contig, length, _ = made.contig(place)
                handle.write(f"##sequence-region {contig} 1 {length}\n".encode())
            for place in range(len(made.numbers)):
                for gene in _genes(made, decoder, place):
                    count, exons = count + 1, exons + len(gene.exons)
                    handle.write(_rows(gene, made.contig(place)[0], f"{prefix}.g{count:05d}").encode())
        pysam.tabix_index(str(gff), preset="gff", index=str(index), force=True)
    log.info("%d genes with %d exons", count, exons)
    return count, exons


def _genes(made: Predicted, decoder: Decoder, place: int) -> Iterator[Gene]:
    """The genes of a contig, which is decoded in pieces: each gives the genes that begin in it."""
    _, length, values = made.contig(place)
    bases = made.genome.contig(made.genome.contigs.index[made.numbers[place]])
    for begin in range(0, length, PIECE):
        end = min(begin + PIECE, length)
        first, last = max(0, begin - OVERLAP), min(length, end + OVERLAP)
        likely = np.nan_to_num(values[:, first:last].T.astype(np.float32))
        codes = np.asarray(bases[first:last]) & CODE_MASK
        for gene in decoder.genes(codes, likely):
            if begin <= gene.start + first < end and len(gene.exons):
                yield gene.moved(first)
        forget(made.genome.bases)


def _rows(gene: Gene, contig: str, name: str) -> str:
    """Rows of GFF3, 1-based and closed: gene, mRNA and CDS."""
    partial = "" if gene.whole else ";partial=true"
    score = f"{gene.score:.3f}"

    def row(feature: str, start: int, end: int, phase: str, attributes: str) -> str:
        cells = (contig, SOURCE, feature, start + 1, end, score, gene.strand, phase, attributes)
        return "\t".join(map(str, cells)) + "\n"

    rows = [
        row("gene", gene.start, gene.end, ".", f"ID={name};biotype=protein_coding{partial}"),
        row("mRNA", gene.start, gene.end, ".", f"ID={name}.t1;Parent={name};biotype=protein_coding{partial}"),
    ]
    for (start, end), phase in zip(gene.exons.tolist(), gene.phases, strict=True):
        rows.append(row("CDS", start, end, str(phase), f"ID={name}.cds;Parent={name}.t1"))
    return "".join(rows)
