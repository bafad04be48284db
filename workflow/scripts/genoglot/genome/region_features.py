"""Which features of an annotation make which class of region.

Transcripts are what exon and CDS rows name as Parent, be it an mRNA, a tRNA or, as in SGD's and NCBI's files, the
gene itself. Exons without a Parent are transcripts of their own, joined where they share an ID.
"""

import numpy as np
import pandas as pd

from genoglot.annotation.features import (
    EXON_TYPES,
    INTRON_TYPES,
    UTR_TYPES,
    is_gene,
    is_processed,
    is_pseudo,
    is_repeat,
    is_rna,
    is_rna_gene,
)

# Gaps between parts of a transcript below this are programmed frameshifts or corrections of the assembly; the
# shortest introns known have 15 bases (Slabodnick et al. 2017, doi:10.1016/j.cub.2016.12.057).
SHORTEST_INTRON = 15
INTERVAL = ["contig", "start", "end", "strand"]


def region_features(annotation: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Intervals of each class of region, overlapping as they may.

    Args:
        annotation: table of `annotation.read_annotation`.

    Returns:
        For each of CDS, UTR, ncRNA, repeat, unannotated, intron and promoter a table of contig, start (0-based),
        end (exclusive) and strand. `unannotated` holds exons of transcripts of which the annotation does not say
        whether they code for a protein; `promoter` the stranded genes and transcripts whose 5' ends promoters precede.
        Pseudogenes count for nothing but the CDS rows that their annotators gave them.
    """
    rows = annotation.assign(
        repeat=_with_descendants(annotation, is_repeat(annotation["type"]) | is_repeat(annotation["biotype"])),
        pseudo=_with_descendants(annotation, is_pseudo(annotation["type"]) | is_pseudo(annotation["biotype"])),
    )
    parts = _parts(rows)
    transcripts = _transcripts(rows, parts)
    kind = parts["transcript"].map(transcripts["kind"])
    gaps, shifts = _gaps(parts[kind != "pseudo"])
    exon = parts["type"] != "CDS"
    live = ~rows["repeat"] & ~rows["pseudo"]
    childless = ~rows["id"].isin(parts["transcript"].unique())
    lone_rna = live & childless & (is_rna(rows["type"]) | (is_rna_gene(rows["type"]) & ~_has_children(rows)))
    return {
        "CDS": pd.concat([parts[~exon], shifts[shifts["coding"]]])[INTERVAL],
        "UTR": pd.concat([rows[rows["type"].isin(UTR_TYPES) & live], parts[exon & (kind == "coding")]])[INTERVAL],
        "ncRNA": pd.concat([rows[lone_rna], parts[exon & (kind == "RNA")]])[INTERVAL],
        "repeat": rows.loc[rows["repeat"], INTERVAL],
        "unannotated": parts.loc[exon & (kind == "unknown"), INTERVAL],
        "intron": pd.concat([rows[rows["type"].isin(INTRON_TYPES) & live], gaps])[INTERVAL],
        "promoter": pd.concat(
            [rows[live & (is_gene(rows["type"]) | lone_rna)], transcripts[transcripts["kind"] != "pseudo"]]
        )[INTERVAL],
    }


def _edges(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns row (number) and parent (one identifier), one entry for each Parent of each row."""
    named = rows.loc[rows["parent"] != "", "parent"].str.split(",").explode()
    return pd.DataFrame({"row": named.index, "parent": named.to_numpy()})


def _with_descendants(rows: pd.DataFrame, chosen: pd.Series) -> pd.Series:
    """The chosen rows, and all rows below them."""
    edges = _edges(rows)
    chosen = chosen.copy()
    while True:
        below = edges["parent"].isin(set(rows.loc[chosen, "id"]) - {""})
        new = edges.loc[below, "row"].unique()
        if chosen[new].all():
            return chosen
        chosen[new] = True


def _has_children(rows: pd.DataFrame) -> pd.Series:
    return rows["id"].isin(_edges(rows)["parent"].unique())


def _parts(rows: pd.DataFrame) -> pd.DataFrame:
    """Exon and CDS rows outside repeats, once for each transcript they belong to (column `transcript`)."""
    parts = rows[rows["type"].isin(["CDS", *EXON_TYPES]) & ~rows["repeat"]]
    own = parts["id"].where(parts["id"] != "", "row " + parts.index.astype(str).to_series(index=parts.index))
    transcript = parts["parent"].where(parts["parent"] != "", own).str.split(",")
    return parts.assign(transcript=transcript).explode("transcript", ignore_index=True)


def _transcripts(rows: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Span and kind of each transcript, indexed by its name.

    Kinds: `coding`, `pseudo`, `RNA`, `ignored` (a non-coding transcript of a gene that codes) and `unknown`.
    """
    groups = parts.groupby("transcript", sort=False)
    table = groups.agg(
        contig=("contig", "first"),
        start=("start", "min"),
        end=("end", "max"),
        strand=("strand", "first"),
        pseudo=("pseudo", "any"),
    )
    own = rows[rows["id"] != ""].drop_duplicates("id").set_index("id")
    found = own.reindex(table.index)
    table["start"] = table["start"].where(~(found["start"] < table["start"]), found["start"]).astype("int64")
    table["end"] = table["end"].where(~(found["end"] > table["end"]), found["end"]).astype("int64")
    text = found[["type", "biotype", "parent"]].fillna("")
    gene = text["parent"].where(text["parent"] != "", table.index.to_series())
    gene_type, gene_biotype = (gene.map(own[column]).fillna("") for column in ("type", "biotype"))
    coding = table.index.isin(parts.loc[parts["type"] == "CDS", "transcript"].unique())
    rna = is_rna(text["type"]) | is_rna(text["biotype"]) | is_rna_gene(text["type"])
    rna_gene = is_rna_gene(gene_type) | is_rna(gene_biotype)
    processed = is_processed(text["type"]) | is_processed(text["biotype"])
    table["kind"] = np.select(
        [table["pseudo"], coding, rna, gene.isin(gene[coding].unique()), rna_gene | processed],
        ["pseudo", "coding", "RNA", "ignored", "RNA"],
        default="unknown",
    )
    return table


def _gaps(parts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Introns between the parts of each transcript; and gaps too short for one, with whether CDS surrounds them.

    Parts on both strands, as of trans-spliced genes, are those of several RNAs, with no intron between them.
    """
    one_rna = ["transcript", "contig", "strand"]
    parts = parts.sort_values([*one_rna, "start"], kind="stable")
    reach = parts.groupby(one_rna, sort=False)["end"].cummax()
    reach = reach.groupby([parts[column] for column in one_rna], sort=False).shift()
    size = parts["start"] - reach
    between = parts.assign(end=parts["start"], start=reach, coding=parts["type"] == "CDS")[size > 0]
    between = between.astype({"start": "int64"})
    short = size[size > 0] < SHORTEST_INTRON
    return between[~short], between[short]
