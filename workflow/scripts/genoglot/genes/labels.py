"""What each base of a genome is to the genes that code for proteins, from its annotation."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from genoglot.annotation.table import read_annotation
from genoglot.genome.store import Genome
from genoglot.genome.transcripts import MIN_INTRON, Transcript, read_transcripts

# the strands of features, as parts of names
PLUS, MINUS = "plus", "minus"
SIGNS = {PLUS: "+", MINUS: "-"}
INTERGENIC = "intergenic"
# features in the order in which one hides those before it
FEATURES = ("UTR", "intron", "CDS", "donor", "acceptor")
CLASSES = (INTERGENIC, *(f"{feature}_{strand}" for feature in FEATURES for strand in (PLUS, MINUS)))
UNKNOWN = -1
# of these, rows of CDS do not say that there is a gene, and their lack does not say that there is none
DOUBTFUL = ("pseudogene", "transposable element", "degraded transcript", "dubious open reading frame")


def other_strand(names: Iterable[str]) -> tuple[int, ...]:
    """The number of each class, by its name, as the other strand has it."""
    names = list(names)
    swap = {PLUS: MINUS, MINUS: PLUS}
    return tuple(names.index("_".join([*name.split("_")[:-1], swap[name.split("_")[-1]]])) if "_" in name else number
                 for number, name in enumerate(names))  # fmt: skip


def base_classes(annotation: Path, genome: Genome) -> np.ndarray:
    """The class of each base, int8 (bases of the genome,): a number of `CLASSES`, or `UNKNOWN`.

    Genes are those that code for proteins; all else is intergenic. A donor is the first base of an intron in the
    direction of the gene, an acceptor its last, be the intron between parts of the CDS or of a UTR. Where transcripts
    differ, a splice site comes before CDS, CDS before intron, and intron before UTR. Not known are bases that are one
    of these on both strands alike, and what only doubtful genes cover (`DOUBTFUL`).

    Args:
        annotation: the genome's normalised GFF3.
    """
    by_contig: dict[str, list[Transcript]] = {}
    for transcript in read_transcripts(read_annotation(annotation)):
        if len(transcript.cds) and transcript.strand in ("+", "-"):
            by_contig.setdefault(transcript.contig, []).append(transcript)
    classes = np.zeros(int(genome.contigs["length"].sum()), dtype=np.int8)
    for contig, offset, length in zip(
        genome.contigs.index, genome.contigs["offset"], genome.contigs["length"], strict=True
    ):
        if contig in by_contig:
            classes[offset : offset + length] = contig_classes(by_contig[contig], int(length))
    return classes


def contig_classes(transcripts: Iterable[Transcript], length: int) -> np.ndarray:
    """`base_classes` of one contig, of its coding transcripts."""
    transcripts = list(transcripts)
    sure = [each for each in transcripts if each.left_out not in DOUBTFUL]
    doubtful = [each for each in transcripts if each.left_out in DOUBTFUL]
    classes = np.zeros(length, dtype=np.int8)
    if doubtful:
        classes[_covered((each.exons for each in doubtful), length)] = UNKNOWN
    for number, feature in enumerate(FEATURES):
        there = [
            _covered((intervals_of(each, feature) for each in sure if each.strand == strand), length)
            for strand in ("+", "-")
        ]
        for strand, covered in enumerate(there):
            classes[covered] = 1 + 2 * number + strand
        classes[there[0] & there[1]] = UNKNOWN
    return classes


def intervals_of(transcript: Transcript, feature: str) -> np.ndarray:
    """Intervals of one of `FEATURES` of a transcript, int64 (intervals, 2); of UTR its exons, which CDS hides."""
    if feature == "UTR":
        return transcript.exons
    coding = transcript.cds[np.argsort(transcript.cds[:, 0], kind="stable")]
    if feature == "CDS":
        return _bridged(coding)
    bridged = _bridged(coding)
    introns = np.concatenate([transcript.introns, np.column_stack([bridged[:-1, 1], bridged[1:, 0]])])
    if feature == "intron":
        return introns
    first = (feature == "donor") == (transcript.strand == "+")
    place = introns[:, 0] if first else introns[:, 1] - 1
    return np.column_stack([place, place + 1])


def _bridged(rows: np.ndarray) -> np.ndarray:
    """Sorted intervals, those of which less than an intron lies between being one: a frameshift is no intron."""
    apart = np.flatnonzero(rows[1:, 0] - np.maximum.accumulate(rows[:-1, 1]) >= MIN_INTRON) + 1
    return np.array([[part[0, 0], part[:, 1].max()] for part in np.split(rows, apart)], dtype=np.int64)


def _covered(intervals: Iterable[np.ndarray], length: int) -> np.ndarray:
    """Which bases any of the intervals cover, bool (length,)."""
    edges = np.zeros(length + 1, dtype=np.int32)
    for rows in intervals:
        np.add.at(edges, np.clip(rows[:, 0], 0, length), 1)
        np.add.at(edges, np.clip(rows[:, 1], 0, length), -1)
    return np.cumsum(edges[:-1]) > 0
