"""GTF to GFF3: parents named, transcripts typed, stop codons taken into the coding sequence."""

import re
from collections import defaultdict

import pandas as pd

from genoglot.annotation.features import is_pseudo, is_repeat, is_rna
from genoglot.annotation.gff import escape

PAIR = re.compile(r'\s*([^\s;"]+)\s+(?:"([^"]*)"|([^;"]*?))\s*(?:;|$)')
TYPES = {
    "five_prime_utr": "five_prime_UTR",
    "three_prime_utr": "three_prime_UTR",
    "5UTR": "five_prime_UTR",
    "3UTR": "three_prime_UTR",
    "Selenocysteine": "stop_codon_redefined_as_selenocysteine",
}
BIOTYPE_KEYS = ("transcript_biotype", "transcript_type", "gene_biotype", "gene_type", "biotype")
TRANSCRIPT_TYPES = ("transcript", "mRNA")


def gtf_to_gff3(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of a GTF (as `gff.read_rows` gives them) as rows of a GFF3.

    Genes get `ID=gene:<gene_id>`, transcripts `ID=transcript:<transcript_id>` and their gene as Parent, everything
    else its transcript as Parent; all attributes stay. A transcript becomes an mRNA if it has coding sequence, else
    what its biotype says. Where genes or transcripts have no row of their own, one is made that spans their parts.
    The coding sequence of a GTF ends before the stop codon, that of a GFF3 with it (also where an intron splits it).

    Returns:
        The rows, in an order that sorting by position may change, and counts: `stop_codons_added`, `genes_made`,
        `transcripts_made`.
    """
    rows = rows.assign(type=rows["type"].replace(TYPES))
    columns = ["gene", "transcript", "biotype", "attributes"]
    converted = [_converted(*row) for row in zip(rows["type"].tolist(), rows["attributes"].tolist(), strict=True)]
    rows[columns] = pd.DataFrame(converted, columns=columns, index=rows.index)
    rows, stops = _with_stop_codons(rows)
    rows, transcripts_made = _with_missing(rows, "transcript")
    rows, genes_made = _with_missing(rows, "gene")
    rows["type"] = _typed(rows)
    counts = {"stop_codons_added": stops, "genes_made": genes_made, "transcripts_made": transcripts_made}
    return rows.drop(columns=["gene", "transcript", "biotype"]).reset_index(drop=True), counts


def _converted(kind: str, text: str) -> tuple[str, str, str, str]:
    """Gene, transcript, biotype and GFF3 attributes of a row of type `kind`."""
    found = _pairs(text)
    gene, transcript = _one(found, "gene_id"), _one(found, "transcript_id")
    return gene, transcript, _one(found, *BIOTYPE_KEYS), _gff3_attributes(found, kind, gene, transcript)


def _pairs(text: str) -> dict[str, list[str]]:
    """Values of each key, in order; a key may come more than once (`tag`)."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, quoted, bare in PAIR.findall(text):
        found[key].append((quoted or bare).strip(" "))
    return found


def _one(found: dict[str, list[str]], *keys: str) -> str:
    for key in keys:
        if key in found:
            return found[key][0]
    return ""


def _gff3_attributes(found: dict[str, list[str]], kind: str, gene: str, transcript: str) -> str:
    head = []
    if kind == "gene":
        head = [f"ID=gene:{escape(gene)}"]
    elif kind in TRANSCRIPT_TYPES:
        head = [f"ID=transcript:{escape(transcript)}"] + ([f"Parent=gene:{escape(gene)}"] if gene else [])
    elif transcript:
        head = [f"Parent=transcript:{escape(transcript)}"]
    elif gene:
        head = [f"Parent=gene:{escape(gene)}"]
    name = _one(found, "gene_name") if kind == "gene" else _one(found, "transcript_name")
    if name:
        head.append(f"Name={escape(name)}")
    biotype = _one(found, f"{kind}_biotype", f"{kind}_type")
    if biotype:
        head.append(f"biotype={escape(biotype)}")
    rest = [f"{key}={','.join(map(escape, values))}" for key, values in found.items()]
    return ";".join(head + rest)


def _with_stop_codons(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Extend each transcript's coding sequence by its stop codon.

    A piece of a stop codon that touches a CDS row lengthens it; a piece beyond an intron becomes a CDS row of its own,
    whose phase is the number of the codon's bases that are still to come.
    """
    kinds, transcripts, strands = (rows[column].tolist() for column in ("type", "transcript", "strand"))
    start, end = rows["start"].tolist(), rows["end"].tolist()
    coding: dict[str, list[int]] = defaultdict(list)
    stops: dict[str, list[int]] = defaultdict(list)
    for row, kind in enumerate(kinds):
        if kind in ("CDS", "stop_codon"):
            (coding if kind == "CDS" else stops)[transcripts[row]].append(row)
    made: list[tuple[int, int, int, str]] = []
    extended = 0
    for transcript, pieces in stops.items():
        if transcript in coding:
            forward = strands[pieces[0]] != "-"
            new = _extend(coding[transcript], pieces, start, end, forward)
            extended += new is not None
            made += new or []
    rows = rows.assign(start=start, end=end)
    if made:
        sources, starts, ends, phases = zip(*made, strict=True)
        added = rows.iloc[list(sources)].assign(start=starts, end=ends, phase=phases)
        rows = pd.concat([rows, added], ignore_index=True)
    return rows, extended


def _extend(
    parts: list[int], pieces: list[int], start: list[int], end: list[int], forward: bool
) -> list[tuple[int, int, int, str]] | None:
    """Lengthen one transcript's CDS rows `parts` in `start` and `end` by the stop codon rows `pieces`.

    Returns:
        The CDS rows to make, as (row to copy, start, end, phase); None where the CDS holds the stop codon already.
    """
    made, changed, taken = [], False, 0
    for piece in sorted(pieces, key=lambda row: start[row], reverse=not forward):
        first, last = start[piece], end[piece]
        if not any(start[part] <= first and last <= end[part] for part in parts):
            changed = True
            touched = [part for part in parts if (end[part] + 1 == first if forward else start[part] - 1 == last)]
            if not touched:
                made.append((parts[-1], first, last, str((3 - taken) % 3)))
            elif forward:
                end[touched[0]] = last
            else:
                start[touched[0]] = first
        taken += last - first + 1
    return made if changed else None


def _with_missing(rows: pd.DataFrame, level: str) -> tuple[pd.DataFrame, int]:
    """Add a row for each transcript or gene that is named but has none."""
    own = rows["type"].isin(TRANSCRIPT_TYPES) if level == "transcript" else rows["type"] == "gene"
    parts = rows[~own & (rows[level] != "") & ~rows[level].isin(rows.loc[own, level])]
    if parts.empty:
        return rows, 0
    # One identifier on two contigs (as in the pseudoautosomal regions of UCSC's files) stays two features.
    first = [name for name in ("source", "line", "gene", "transcript", "biotype") if name != level]
    spans = {"start": "min", "end": "max"} | dict.fromkeys(first, "first")
    new = parts.groupby([level, "contig", "strand"], sort=False).agg(spans).reset_index()
    identifiers = new[level].map(escape)
    attributes = f"ID={level}:" + identifiers
    if level == "transcript":
        attributes = attributes.where(new["gene"] == "", attributes + ";Parent=gene:" + new["gene"].map(escape))
    else:
        new["transcript"] = ""
    attributes += f";{level}_id=" + identifiers
    new = new.assign(type=level, score=".", phase=".", attributes=attributes)
    return pd.concat([rows, new[rows.columns]], ignore_index=True), len(new)


def _typed(rows: pd.DataFrame) -> pd.Series:
    """Feature types, with `transcript` and `gene` made more exact where coding sequence or biotype tell."""
    kind, biotype = rows["type"], rows["biotype"]
    transcript, gene = kind.isin(TRANSCRIPT_TYPES), kind == "gene"
    coding = rows["transcript"].isin(rows.loc[kind == "CDS", "transcript"])
    kind = kind.mask(transcript & is_rna(biotype), biotype)
    kind = kind.mask(transcript & is_pseudo(biotype), "pseudogenic_transcript")
    kind = kind.mask(transcript & is_repeat(biotype), "transposable_element")
    kind = kind.mask(gene & is_repeat(biotype), "transposable_element_gene")
    return kind.mask(transcript & coding & ~is_repeat(biotype), "mRNA")
