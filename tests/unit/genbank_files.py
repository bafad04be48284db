"""GenBank flat files: texts of small ones, and what is read of them in short."""

from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.genbank.records import fasta_blocks


def locus(name: str, length: int, topology: str = "linear") -> str:
    return f"LOCUS       {name:<16} {length:>11} bp    DNA     {topology:<8} PLN 01-JAN-2020\n"


def origin(sequence: str) -> str:
    lines = ["ORIGIN"]
    for start in range(0, len(sequence), 60):
        row = sequence[start : start + 60].lower()
        lines.append(f"{start + 1:>9} " + " ".join(row[i : i + 10] for i in range(0, len(row), 10)))
    return "\n".join([*lines, "//", ""])


def feature(key: str, location: str, *qualifiers: str) -> str:
    lines = [f"     {key:<15} {location}", *(" " * 21 + f"/{text}" for text in qualifiers)]
    return "\n".join(lines) + "\n"


def record(name: str, sequence: str, *features: str, topology: str = "linear", version: str | None = None) -> str:
    head = locus(name, len(sequence), topology) + (f"VERSION     {version}\n" if version else "")
    table = "FEATURES             Location/Qualifiers\n" + "".join(features) if features else ""
    return head + table + origin(sequence)


def random_bases(length: int, seed: int = 1) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def complement(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def with_coding(sequence: str, parts: list[tuple[int, int]], strand: str, coding: str) -> str:
    """Write a coding sequence into parts (1-based inclusive, ascending) of a sequence."""
    assert sum(end - start + 1 for start, end in parts) == len(coding)
    bases, rest = list(sequence), complement(coding) if strand == "-" else coding
    for start, end in parts:
        bases[start - 1 : end], rest = rest[: end - start + 1], rest[end - start + 1 :]
    return "".join(bases)


# A protein of ten codons on either strand, with an intron of 30 bases after 10 of the bases that the forward strand
# reads first; transcripts reach ten bases further at both ends.
CODING = "ATGGCTGAAACTCGTCATGGAGATTTCTAA"
GENE = 'gene="actA"', 'locus_tag="T_1"'
OTHER = 'gene="actB"', 'locus_tag="T_2"'
TINY_BASES = with_coding(random_bases(400), [(51, 60), (91, 110)], "+", CODING)
TINY_BASES = with_coding(TINY_BASES, [(251, 260), (291, 310)], "-", CODING)
TINY = record(
    "TINY",
    TINY_BASES,
    feature("source", "1..400", 'organism="Test us"', 'strain="S; 1"', 'db_xref="taxon:4932"'),
    feature("gene", "<41..>120", *GENE),
    feature("mRNA", "join(<41..60,91..>120)", *GENE, 'product="actin, long=one"', 'transcript_id="XM_1.1"'),
    feature(
        "CDS",
        "join(51..60,91..110)",
        *GENE,
        'note="a note that goes on\n                     over ""two"" lines"',
        "codon_start=1",
        "transl_table=1",
        'protein_id="XP_1.1"',
        'db_xref="GeneID:1"',
        'db_xref="X:2"',
        'translation="MAETRHGDF"',
    ),
    feature("gene", "complement(241..320)", *OTHER),
    feature("mRNA", "complement(join(241..260,291..320))", *OTHER, 'transcript_id="XM_2.1"'),
    feature("CDS", "complement(join(251..260,291..310))", *OTHER, 'protein_id="XP_2.1"'),
    feature("gene", "complement(340..360)", 'gene="trnA"'),
    feature("tRNA", "complement(340..360)", 'gene="trnA"', 'product="tRNA-Ala"'),
    feature("repeat_region", "370..390", "rpt_type=tandem"),
    version="TI000001.2",
)


def fasta(path: Path) -> dict[str, str]:
    text = b"".join(fasta_blocks(path)).decode()
    pieces = (piece.partition("\n") for piece in text.split(">")[1:])
    return {name: body.replace("\n", "") for name, _, body in pieces}


def shown(rows: pd.DataFrame) -> list[tuple]:
    return list(rows[["type", "start", "end", "strand", "phase"]].itertuples(index=False, name=None))


def attributes(row) -> dict[str, str]:
    return dict(part.split("=", 1) for part in row.attributes.split(";"))
