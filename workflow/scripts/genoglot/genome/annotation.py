"""A genome's annotation: normalised to one sorted, indexed GFF3, and read from there as a table."""

import csv
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.files import write_json
from genoglot.genome.features import EXON_TYPES, UTR_TYPES, is_gene, is_repeat
from genoglot.genome.gff import (
    COLUMNS,
    SHOWN,
    attribute_values,
    first_filled,
    is_gtf,
    parent_rows,
    read_rows,
    refuse,
)
from genoglot.genome.gtf import gtf_to_gff3
from genoglot.genome.tabix import check_lengths, read_contigs, write_tabix

logger = logging.getLogger(__name__)

NAME_KEYS = ("Name", "gene_name", "gene", "NAME")
BIOTYPE_KEYS = ("biotype", "transcript_biotype", "gene_biotype", "transcript_type", "gene_type")
KEPT_DIRECTIVES = ("##species", "#!genome-", "#!genebuild-", "#!annotation-", "#!processor")
DEEPEST = 20
ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi")
MITOCHONDRION = ("m", "mt", "mito", "mitochondrion", "mtdna")


def read_annotation(gff: str | Path) -> pd.DataFrame:
    """Features of a normalised GFF3, in file order.

    Columns: contig, source, type, start (0-based), end (exclusive), strand (`+`, `-` or `.`), phase (Int8, -1 where
    unknown), id, parent (comma separated as in the file), name (percent-decoded), biotype, attributes (column 9 as
    written). Text is empty where the file says nothing.
    """
    table = pd.read_csv(
        gff,
        sep="\t",
        names=COLUMNS,
        dtype=str,
        quoting=csv.QUOTE_NONE,
        keep_default_na=False,
        encoding_errors="replace",
    )
    table = table[~table["contig"].str.startswith("#")].reset_index(drop=True)
    values = attribute_values(table["attributes"], ["ID", "Parent", *NAME_KEYS, *BIOTYPE_KEYS])
    return pd.DataFrame(
        {
            "contig": table["contig"],
            "source": table["source"],
            "type": table["type"],
            "start": table["start"].astype("int64") - 1,
            "end": table["end"].astype("int64"),
            "strand": table["strand"].where(table["strand"].isin(["+", "-"]), "."),
            "phase": table["phase"].where(table["phase"].isin(["0", "1", "2"]), "-1").astype("Int8"),
            "id": values["ID"],
            "parent": values["Parent"],
            "name": first_filled(values[list(NAME_KEYS)]).map(unquote),
            "biotype": first_filled(values[list(BIOTYPE_KEYS)]),
            "attributes": table["attributes"],
        }
    )


def normalise_annotation(source: str | Path, contigs_tsv: str | Path, gff: str | Path, report: str | Path) -> None:
    """Write an annotation as GFF3, sorted, with bgzip and tabix, and say what it holds.

    GFF3 and GTF are told apart by their attributes, plain, gzip and bgzip by content. Rows are sorted by contig (in
    the order of the genome), start, and parents before children. Features and attributes stay as they are, except
    that GTF is converted (see `gtf.gtf_to_gff3`) and that what reaches past the origin of a circular contig is cut.

    Args:
        source: annotation as the user gave it.
        contigs_tsv: contig table of the tokenized genome.
        gff: output, ending in .gz; `.tbi` is written beside it.
        report: output JSON: `format`, `features`, `types`, `genes`, `transcripts`, `cds`, `orphans` (rows whose
            Parent is not in the file), `clipped`, the counts of `gtf_to_gff3`, and `notes` on what cannot be told.

    Raises:
        InputError: the file is no GFF3 or GTF, does not fit the genome, or holds no genes; the message names the line.
    """
    contigs = read_contigs(contigs_tsv)
    check_lengths(contigs, contigs_tsv)
    rows, directives = read_rows(source)
    form = "GTF" if is_gtf(rows) else "GFF3"
    converted: dict[str, int] = {}
    if form == "GTF":
        _check_gtf(rows, source)
        rows, converted = gtf_to_gff3(rows)
    _check_contigs(rows, contigs, source)
    rows, clipped = _within_contigs(rows, contigs, source)
    _check_genes(rows, source)
    rows[["id", "parent"]] = attribute_values(rows["attributes"], ["ID", "Parent"])
    rows = _sorted(rows, contigs)
    used = contigs[contigs["contig"].isin(rows["contig"].unique())]
    header = ["##gff-version 3", *(text for text in directives if text.startswith(KEPT_DIRECTIVES))]
    header += [f"##sequence-region {row.contig} 1 {row.length}" for row in used.itertuples()]
    write_tabix(gff, "gff", rows[COLUMNS], header)
    summary = {"format": form, **_summary(rows), "clipped": clipped, **converted}
    summary["notes"] = _notes(rows)
    write_json(Path(report), summary)
    logger.info("%s: %s, %d features, %d genes", source, form, summary["features"], summary["genes"])


def _check_gtf(rows: pd.DataFrame, source: str | Path) -> None:
    if not rows["attributes"].str.contains("gene_id|transcript_id", regex=True).any():
        raise InputError(
            f"{source}, line {rows['line'].iloc[0]}: the attributes are written as in GTF, but no row has a gene_id or "
            f"a transcript_id; found {rows['attributes'].iloc[0][:80]!r}: convert the file to GFF3"
        )


def _check_contigs(rows: pd.DataFrame, contigs: pd.DataFrame, source: str | Path) -> None:
    """Refuse an annotation that names contigs the genome does not have, and suggest which are meant."""
    known = contigs["contig"].tolist()
    named = rows["contig"].drop_duplicates()
    unknown = named[~named.isin(known)].tolist()
    if not unknown:
        return
    by_key: dict[str, list[str]] = {}
    for name in known:
        by_key.setdefault(_contig_key(name), []).append(name)
    meant = [(name, by_key[_contig_key(name)][0]) for name in unknown if len(by_key.get(_contig_key(name), ())) == 1]
    line = int(rows.loc[rows["contig"] == unknown[0], "line"].iloc[0])
    share = "none" if len(unknown) == len(named) else f"{len(unknown)}"
    advice = "give the annotation made for this FASTA"
    if meant:
        pairs = ", ".join(f"{ours} in the FASTA for {theirs}" for theirs, ours in meant[:SHOWN])
        advice = f"it seems that names differ: {pairs}; rename them in the annotation"
    raise InputError(
        f"{source}, line {line}: {share} of the annotation's {len(named)} contigs "
        f"{'is' if share == 'none' else 'are not'} in the genome. Annotation: {_few(unknown)}. "
        f"Genome: {_few(known)}. {advice[0].upper()}{advice[1:]}"
    )


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _contig_key(name: str) -> str:
    """What is left of a contig's name without prefix, version and style of numbering."""
    key = re.sub(r"^(chromosome|chr)[_.-]?", "", name.lower())
    key = re.sub(r"\.\d+$", "", key)
    if key in MITOCHONDRION:
        return "mt"
    return str(ROMAN.index(key) + 1) if key in ROMAN else re.sub(r"^0+(?=\d)", "", key)


def _within_contigs(rows: pd.DataFrame, contigs: pd.DataFrame, source: str | Path) -> tuple[pd.DataFrame, int]:
    """Cut what passes the origin of a circular contig; refuse what passes the end of any other."""
    length = rows["contig"].map(contigs.set_index("contig")["length"])
    past = rows["end"] > length
    if not past.any():
        return rows, 0
    circular = rows.loc[rows["attributes"].str.contains(r"(?:^|;)\s*Is_circular=true", regex=True), "contig"]
    wrong = rows[past & (~rows["contig"].isin(circular) | (rows["start"] > length))]
    if len(wrong):
        first = wrong.iloc[0]["contig"]
        refuse(
            wrong,
            source,
            "features reach past the end of their contig",
            f"positions up to {length[wrong.index[0]]} on {first}, as in the FASTA; is the annotation of another "
            "assembly version? (On a circular contig, say so by a `region` row with Is_circular=true)",
        )
    return rows.assign(end=np.minimum(rows["end"], length)), int(past.sum())


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


def _summary(rows: pd.DataFrame) -> dict[str, Any]:
    types, parents = rows["type"], rows["parent"]
    parts = parents[types.isin(["CDS", *EXON_TYPES]) & (parents != "")]
    named = set(rows["id"])
    orphans = sum(not named.issuperset(text.split(",")) for text in parents[parents != ""])
    return {
        "features": len(rows),
        "types": {str(name): int(count) for name, count in types.value_counts().sort_index().items()},
        "genes": int(is_gene(types).sum()),
        "transcripts": len(set(parts.str.split(",").explode()) & named),
        "cds": int((types == "CDS").sum()),
        "orphans": orphans,
    }


def _notes(rows: pd.DataFrame) -> list[str]:
    """What the annotation cannot tell, for the person who reads the report."""
    types, parent = rows["type"], rows["parent"]
    cds, exon = types == "CDS", types.isin(EXON_TYPES)
    notes = []
    if not cds.any():
        notes.append("no CDS features: coding sequence, codons and consequences cannot be told")
    elif (rows.loc[cds, "phase"] == ".").all():
        notes.append("CDS features have no phase: reading frames follow from the lengths of the CDS parts")
    width = rows["end"] - rows["start"] + 1
    coding = parent.isin(parent[cds & (parent != "")])
    if (
        not types.isin(UTR_TYPES).any()
        and width[exon & coding].sum() <= width[cds & coding & parent.isin(parent[exon])].sum()
    ):
        notes.append("no UTRs: untranslated parts of mRNAs are counted as promoter or intergenic")
    for kind in (exon, cds):
        if parent[kind & (parent != "")].duplicated().any():
            break
    else:
        notes.append("no introns: every transcript is one piece")
    if not is_repeat(types).any():
        notes.append("no repeats: they are counted as intergenic or with what they lie in")
    return notes
