"""Any annotation normalised to one sorted, indexed GFF3 on the genome's contigs."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.annotation.contigs import cut_at_origin, on_genome_contigs
from genoglot.annotation.features import EXON_TYPES, is_gene
from genoglot.annotation.gff import COLUMNS, KEPT_DIRECTIVES, attribute_values, is_gtf, parent_rows, read_rows
from genoglot.annotation.gtf import gtf_to_gff3
from genoglot.annotation.notes import annotation_notes, annotation_summary
from genoglot.errors import InputError
from genoglot.files import write_json
from genoglot.genbank.records import genbank_rows, is_genbank
from genoglot.genome.tabix import check_lengths, read_contigs, write_tabix

logger = logging.getLogger(__name__)

DEEPEST = 20


def normalise_annotation(
    source: str | Path,
    contigs_tsv: str | Path,
    gff: str | Path,
    report: str | Path,
    names: str | Path | None = None,
) -> None:
    """Write an annotation as GFF3, sorted, with bgzip and tabix, and say what it holds.

    GFF3, GTF and GenBank files are told apart, plain, gzip and bgzip alike, by content. Rows are sorted by contig (in
    the order of the genome), start, and parents before children. Features and attributes stay as they are, except
    that GTF and GenBank are converted (see `gtf.gtf_to_gff3`, `genbank.genbank_rows`), that contigs get the names
    they have in the FASTA, and that what passes the origin of a circular contig is cut there.

    Args:
        source: annotation as the user gave it.
        contigs_tsv: contig table of the tokenized genome.
        gff: output, ending in .gz; `.tbi` is written beside it.
        report: output JSON: `format`, `features`, `types`, `genes`, `transcripts`, `cds`, `orphans` (rows whose
            Parent is not in the file), `across_origin` (rows cut), `renamed` (contigs), `dropped_contig_features`
            (rows on contigs that cleaning dropped), the counts of `gtf_to_gff3`, and `notes` on what cannot be told.
        names: table of the names that the genome's contigs may be called by; None if they have only their own.

    Raises:
        InputError: the file is no annotation, does not fit the genome, or holds no genes; the message names the line.
    """
    contigs = read_contigs(contigs_tsv)
    check_lengths(contigs, contigs_tsv)
    form, rows, directives, converted = _read(source)
    rows, found = on_genome_contigs(rows, contigs, source, names)
    rows[["id", "parent"]] = attribute_values(rows["attributes"], ["ID", "Parent"])
    rows, across = cut_at_origin(rows, contigs, source)
    _check_genes(rows, source)
    rows = _sorted(rows, contigs)
    used = contigs[contigs["contig"].isin(rows["contig"].unique())]
    header = ["##gff-version 3", *(text for text in directives if text.startswith(KEPT_DIRECTIVES))]
    header += [f"##sequence-region {row.contig} 1 {row.length}" for row in used.itertuples()]
    write_tabix(gff, "gff", rows[COLUMNS], header)
    summary = {"format": form, **annotation_summary(rows), "across_origin": across, **found, **converted}
    summary["notes"] = annotation_notes(rows)
    write_json(Path(report), summary)
    logger.info("%s: %s, %d features, %d genes", source, form, summary["features"], summary["genes"])


def _read(source: str | Path) -> tuple[str, pd.DataFrame, list[str], dict[str, int]]:
    """Format, rows, directives and the counts of conversion of an annotation."""
    if is_genbank(source):
        return "GenBank", *genbank_rows(source), {}
    rows, directives = read_rows(source)
    if not is_gtf(rows):
        return "GFF3", rows, directives, {}
    _check_gtf(rows, source)
    rows, converted = gtf_to_gff3(rows)
    return "GTF", rows, directives, converted


def _check_gtf(rows: pd.DataFrame, source: str | Path) -> None:
    if not rows["attributes"].str.contains("gene_id|transcript_id", regex=True).any():
        raise InputError(
            f"{source}, line {rows['line'].iloc[0]}: the attributes are written as in GTF, but no row has a gene_id or "
            f"a transcript_id; found {rows['attributes'].iloc[0][:80]!r}: convert the file to GFF3"
        )


def _check_genes(rows: pd.DataFrame, source: str | Path) -> None:
    types = rows["type"]
    if (is_gene(types) | types.isin(["mRNA", "transcript", "CDS", *EXON_TYPES])).any():
        return
    found = ", ".join(f"{name} ({count})" for name, count in types.value_counts().head(10).items())
    raise InputError(
        f"{source}: no genes found; expected features of type gene, mRNA, transcript, CDS or exon. "
        f"The file's types: {found}"
    )


def _sorted(rows: pd.DataFrame, contigs: pd.DataFrame) -> pd.DataFrame:
    """Rows by contig, start, falling end and depth below the gene, otherwise as they stood."""
    above = parent_rows(rows["id"], rows["parent"]).to_numpy()
    depth = np.zeros(len(rows), dtype=np.int64)
    current = above
    for _ in range(DEEPEST):
        if (current < 0).all():
            break
        depth += current >= 0
        current = np.where(current >= 0, above[current], -1)
    number = pd.Index(contigs["contig"]).get_indexer(rows["contig"])
    order = np.lexsort((np.arange(len(rows)), depth, -rows["end"].to_numpy(), rows["start"].to_numpy(), number))
    return rows.iloc[order].reset_index(drop=True)
