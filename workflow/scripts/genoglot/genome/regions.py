"""What each base of a genome is for, as far as its annotation tells: a partition into classes of region."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.genome.bedtools import bedtools, from_bedtools, to_bedtools
from genoglot.genome.region_classes import REGION_CLASSES, UNANNOTATED
from genoglot.genome.region_features import region_features
from genoglot.genome.store import Genome
from genoglot.genome.tabix import check_lengths, read_contigs, write_tabix

logger = logging.getLogger(__name__)

# Exons that may or may not code must not pass for intron or intergenic sequence.
PRIORITY = [*REGION_CLASSES[:4], UNANNOTATED, *REGION_CLASSES[4:]]


def classify_regions(
    annotation: str | Path | None, contigs_tsv: str | Path, bed: str | Path, promoter_upstream: int
) -> None:
    """Divide every contig into classes of region.

    A stretch gets the first class of `REGION_CLASSES` that covers it:
    CDS of genes that are not mobile elements; UTR, given as such or as exons of coding transcripts; exons of ncRNA;
    repeats and mobile elements with all their features; introns; promoters, the `promoter_upstream` bases before the
    5' end of a gene or transcript; and intergenic. Exons of transcripts of which the annotation does not say
    whether they code for a protein are `unannotated` (after repeats, before introns).

    Args:
        annotation: normalised GFF3; None makes the whole genome `unannotated`.
        contigs_tsv: contig table of the tokenized genome.
        bed: output, ending in .gz: contig, start, end, class; sorted, bgzip, with `.tbi` beside it.
        promoter_upstream: bases, 0 or more.

    Raises:
        InputError: the program bedtools is missing, or a contig is too long for a tabix index.
    """
    contigs = read_contigs(contigs_tsv)
    check_lengths(contigs, contigs_tsv)
    if annotation is None:
        table = pd.DataFrame({"contig": contigs["contig"], "start": 0, "end": contigs["length"], "class": UNANNOTATED})
    else:
        features = region_features(read_annotation(annotation))
        with bedtools(contigs) as sizes:
            table = _partition(features, sizes, promoter_upstream)
        number = pd.Index(contigs["contig"]).get_indexer(table["contig"])
        table = table.iloc[np.lexsort((table["start"], number))]
    write_tabix(bed, "bed", table)
    bases = (table["end"] - table["start"]).groupby(table["class"]).sum()
    logger.info("%s: %s", bed, ", ".join(f"{name} {count} bases" for name, count in bases.items()))


def _partition(features: dict[str, pd.DataFrame], sizes: str, promoter_upstream: int) -> pd.DataFrame:
    """Columns contig, start, end, class: what each class covers that none before it in `PRIORITY` does."""
    covered = to_bedtools(features["CDS"].head(0))
    pieces = []
    for name in PRIORITY[:-1]:
        intervals = features[name]
        if name == "promoter":
            intervals = intervals[intervals["strand"] != "."]
        if intervals.empty or (name == "promoter" and promoter_upstream == 0):
            continue
        tool = to_bedtools(intervals)
        if name == "promoter":
            tool = tool.flank(g=sizes, l=promoter_upstream, r=0, s=True)
        merged = tool.sort(g=sizes).merge()
        pieces.append(from_bedtools(merged.subtract(covered)).assign(**{"class": name}))
        covered = covered.cat(merged, postmerge=False).sort(g=sizes).merge()
    pieces.append(from_bedtools(covered.complement(g=sizes)).assign(**{"class": PRIORITY[-1]}))
    return pd.concat(pieces, ignore_index=True)


def read_region_table(bed: str | Path) -> pd.DataFrame:
    """The stretches of a `regions.bed.gz`: columns contig, start, end and class, sorted by contig and start."""
    columns = ["contig", "start", "end", "class"]
    return pd.read_csv(bed, sep="\t", names=columns, dtype={"contig": str}, keep_default_na=False)


def read_regions(bed: str | Path, genome: Genome) -> np.ndarray:
    """Class of each base of a genome: uint8 of shape (total length,), in the offsets of the genome's array.

    The codes are indices into `REGION_CLASSES` followed by `unannotated`.

    Raises:
        InputError: the regions are not a partition of the genome's contigs.
    """
    table = read_region_table(bed)
    contigs = genome.contigs
    number = genome.contig_numbers(table["contig"])
    code = pd.Index([*REGION_CLASSES, UNANNOTATED]).get_indexer(table["class"])
    offset = contigs["offset"].to_numpy()[number]
    order = np.argsort(offset + table["start"].to_numpy(), kind="stable")
    start, end = (offset + table["start"].to_numpy())[order], (offset + table["end"].to_numpy())[order]
    total = int(contigs["length"].sum())
    known = (number >= 0).all() and (code >= 0).all()
    if not known or not len(start) or start[0] != 0 or end[-1] != total or (start[1:] != end[:-1]).any():
        raise InputError(
            f"{bed}: the regions do not cover each base of {genome.folder} once; "
            "they belong to another genome, or were edited: make them again"
        )
    return np.repeat(code[order].astype(np.uint8), end - start)
