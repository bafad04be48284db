"""What an annotation holds, and what it cannot tell."""

from typing import Any

import numpy as np
import pandas as pd

from genoglot.annotation.features import EXON_TYPES, UTR_TYPES, is_gene, is_pseudo, is_repeat, is_rna
from genoglot.genome.region_features import SHORTEST_INTRON


def annotation_summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Counts of a normalised annotation, for its report.

    Args:
        rows: rows of a GFF3 (`gff.read_rows`) with the columns id and parent, sorted by contig and start.

    Returns:
        `features`, `types`, `genes`, `transcripts`, `cds`, `orphans` (rows whose Parent is not in the file).
    """
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


def annotation_notes(rows: pd.DataFrame) -> list[str]:
    """What the annotation cannot tell, for the person who reads the report. `rows` as in `annotation_summary`."""
    types = rows["type"]
    cds, exon = types == "CDS", types.isin(EXON_TYPES)
    notes = _notes_on_genes(rows, exon)
    if not cds.any():
        notes.append("no CDS features: coding sequence, UTRs, codons and consequences cannot be told")
        notes += _notes_on_exons(rows, exon)
    else:
        notes += _notes_on_coding(rows, cds, exon)
    if not _has_introns(rows, cds, exon):
        notes.append("no introns: every transcript is one piece")
    if not is_repeat(types).any():
        notes.append("no repeats: they are counted as intergenic or with what they lie in")
    return notes


def _notes_on_genes(rows: pd.DataFrame, exon: pd.Series) -> list[str]:
    notes = []
    if not is_gene(rows["type"]).any():
        notes.append("no gene features: genes are known by their transcripts only, which promoters precede instead")
    alone = exon & (rows["parent"] == "")
    if alone.any():
        notes.append(
            f"{alone.sum()} of {exon.sum()} exons name no transcript (no Parent): those of one ID are taken as one, "
            "others as transcripts of their own"
        )
        copies = rows[alone].duplicated(["contig", "type", "start", "end", "strand", "id"]).sum()
        if copies:
            notes.append(f"{copies} of these exons repeat the place and ID of another: they add nothing")
    return notes


def _notes_on_exons(rows: pd.DataFrame, exon: pd.Series) -> list[str]:
    """On exons that may be of mRNAs or not, in an annotation without CDS."""
    transcripts = rows.loc[is_rna(rows["type"]), "id"]
    unknown = (exon & ~rows["parent"].str.replace(",.*", "", regex=True).isin(transcripts)).sum()
    return [f"{unknown} exons may code for proteins or not: they are counted as unannotated"] if unknown else []


def _notes_on_coding(rows: pd.DataFrame, cds: pd.Series, exon: pd.Series) -> list[str]:
    notes = []
    if (rows.loc[cds, "phase"] == ".").all():
        notes.append("CDS features have no phase: reading frames follow from the lengths of the CDS parts")
    coding, known = _with_utrs(rows, cds, exon)
    lost = "untranslated parts of mRNAs are counted as promoter or intergenic"
    if not known:
        notes.append(f"no UTRs: {lost}")
    elif known < coding / 2:
        notes.append(f"UTRs for {known} of {coding} coding transcripts only: elsewhere {lost}")
    return notes


def _with_utrs(rows: pd.DataFrame, cds: pd.Series, exon: pd.Series) -> tuple[int, int]:
    """How many transcripts code, and how many have untranslated bases: rows of UTRs, or exons longer than the CDS."""
    utr = rows["type"].isin(UTR_TYPES)
    width = (rows["end"] - rows["start"] + 1).where(~cds, rows["start"] - rows["end"] - 1)
    parts = pd.DataFrame(
        {"parent": rows["parent"].str.split(","), "width": width, "cds": cds, "exon": exon, "utr": utr}
    )
    parts = parts[cds | exon | utr].explode("parent")
    by_parent = parts[parts["parent"] != ""].groupby("parent")
    found = by_parent.agg({"width": "sum", "cds": "any", "exon": "any", "utr": "any"})
    untranslated = found["utr"] | (found["cds"] & found["exon"] & (found["width"] > 0))
    alone = int((utr & (rows["parent"] == "")).sum())
    return int(found["cds"].sum()), int(untranslated.sum()) + alone


def _has_introns(rows: pd.DataFrame, cds: pd.Series, exon: pd.Series) -> bool:
    """Whether parts of a transcript lie apart by an intron; gaps in pseudogenes and frameshifts are none."""
    if rows["type"].str.contains("intron", regex=False).any():
        return True
    pseudo = is_pseudo(rows["type"]) | rows["attributes"].str.contains("pseudo=true", regex=False)
    named = rows["parent"].where(rows["parent"] != "", rows["id"])
    for _ in range(2):
        pseudo |= rows["parent"].isin(set(rows.loc[pseudo, "id"]) - {""})
    for kind in (exon, cds):
        parts = rows[kind & ~pseudo & (named != "")]
        owner = pd.factorize(named[parts.index] + "\t" + parts["contig"])[0]
        order = np.argsort(owner, kind="stable")
        owner, start = owner[order], parts["start"].to_numpy()[order]
        reach = pd.Series(parts["end"].to_numpy()[order]).groupby(owner).cummax().to_numpy()
        same = owner[1:] == owner[:-1]
        if (same & (start[1:] - reach[:-1] > SHORTEST_INTRON)).any():
            return True
    return False
