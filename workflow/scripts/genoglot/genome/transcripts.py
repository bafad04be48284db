"""Transcripts of an annotation, with the genomic positions of their codons.

The ways in which annotations name the same thing all lead here: CDS rows below an mRNA (Ensembl, RefSeq, most others),
below the gene itself (SGD's older files, NCBI's bacteria) or below nothing; one ID on all rows of a CDS, as GFF3 asks,
or a new ID on each row. A transcript that cannot be translated with confidence is kept with the reason why.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from genoglot.annotation.features import UTR_TYPES
from genoglot.genome.genetic_code import GENETIC_CODES
from genoglot.genome.intervals import Intervals

# gaps below this are programmed frameshifts or alignment artefacts: the shortest known spliceosomal introns have 15 bp
# (Slabodnick et al. 2017, Stentor coeruleus)
MIN_INTRON = 10
# rows of one CDS overlap by this much at most, at a programmed -1 or -2 frameshift
MAX_FRAMESHIFT_OVERLAP = 2
NOT_CODING = "no CDS"
STANDARD_CODE = 1
# their code is seldom the standard one and differs between clades: not guessed
MITOCHONDRIA = frozenset({"m", "mt", "mito", "mtdna", "mitochondrion", "chrm", "chrmt", "chrmito"})

_EXCLUDED_KINDS = (
    (re.compile("pseudogen", re.IGNORECASE), "pseudogene"),
    (re.compile("transpos", re.IGNORECASE), "transposable element"),
    (re.compile("nonsense_mediated_decay|NMD_transcript|non_stop_decay", re.IGNORECASE), "degraded transcript"),
)
_EXCLUDED_ATTRIBUTES = (
    (re.compile(r"(?:^|;)\s*pseudo=true", re.IGNORECASE), "pseudogene"),
    (re.compile(r"(?:^|;)\s*orf_classification=Dubious", re.IGNORECASE), "dubious open reading frame"),
)
_TRANSL_TABLE = re.compile(r"(?:^|;)\s*transl_table=(\d+)")
_TRANSL_EXCEPT = re.compile(r"(?:^|;)\s*transl_except=")
_UTR_TYPES = frozenset(name.lower() for name in UTR_TYPES)
_NO_ROWS = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True)
class Transcript:
    """One transcript.

    Attributes:
        strand: `+`, `-`, or `.` where the annotation has none.
        transcript: ID of the CDS's parent, or of the CDS itself where that parent is the gene.
        kind: biotype of the transcript, or its feature type where there is none.
        cds: int64 (rows, 2), the CDS in the order of translation, 0-based half-open; no rows if not coding.
        exons: int64 (exons, 2), ascending and disjoint.
        phase: bases of the first CDS row before its first whole codon; not 0 where the 5' end is missing.
        code: number of the genetic code.
        recoded: whether the annotation has codons read otherwise than the code says (selenocysteine).
        left_out: why it is not translated; empty for a coding transcript that can be.
    """

    contig: str
    strand: str
    gene: str
    transcript: str
    kind: str
    cds: np.ndarray
    exons: np.ndarray
    phase: int = 0
    code: int = STANDARD_CODE
    recoded: bool = False
    left_out: str = ""

    @cached_property
    def length(self) -> int:
        """Bases of the CDS."""
        return int((self.cds[:, 1] - self.cds[:, 0]).sum())

    @property
    def tail(self) -> int:
        """Bases at the 3' end that make no whole codon."""
        return max(self.length - self.phase, 0) % 3

    @property
    def positions(self) -> np.ndarray:
        """Genomic position of each base of the whole codons, 5' to 3'; int64 of shape (3 x codons,)."""
        sizes = self.cds[:, 1] - self.cds[:, 0]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        if self.strand == "-":
            everything = np.repeat(self.cds[:, 1] - 1, sizes) - within
        else:
            everything = np.repeat(self.cds[:, 0], sizes) + within
        return everything[self.phase : len(everything) - self.tail]

    @property
    def introns(self) -> np.ndarray:
        """int64 (introns, 2): gaps of at least `MIN_INTRON` between exons, ascending."""
        gaps = np.column_stack([self.exons[:-1, 1], self.exons[1:, 0]])
        return gaps[gaps[:, 1] - gaps[:, 0] >= MIN_INTRON]


def read_transcripts(annotation: pd.DataFrame) -> list[Transcript]:
    """Transcripts of a table of `annotation.read_annotation`, coding ones first.

    Those that cannot be translated, `left_out` says why: pseudogenes, transposable elements, dubious reading frames,
    transcripts of a mitochondrion whose rows name no `transl_table`, codes unknown here, phases that contradict the
    lengths of the CDS rows.
    """
    ancestors = _Ancestors(annotation)
    kinds = annotation["type"].str.lower()
    is_cds = kinds == "cds"
    exon_rows = _by_parent(annotation[kinds.str.endswith("exon") | kinds.isin(_UTR_TYPES)])
    cds = _with_owner(annotation[is_cds], ancestors)
    found = _coding(cds, exon_rows, ancestors)
    coding = set(cds["owner"])
    for parent, (contig, strand, pairs) in exon_rows.items():
        if parent not in coding:
            found.append(
                Transcript(
                    contig=contig,
                    strand=strand,
                    gene=ancestors.root(parent),
                    transcript=parent,
                    kind=ancestors.kind(parent),
                    cds=_NO_ROWS,
                    exons=Intervals(pairs).pairs,
                    left_out=NOT_CODING,
                )
            )
    return found


def count_left_out(transcripts: Iterable[Transcript]) -> Counter[str]:
    """How many transcripts with a CDS are left out, by reason."""
    return Counter(item.left_out for item in transcripts if item.left_out not in ("", NOT_CODING))


class _Ancestors:
    """What is known of the features that others name as Parent."""

    def __init__(self, annotation: pd.DataFrame) -> None:
        parents = annotation["parent"]
        named = annotation[annotation["id"] != ""].drop_duplicates("id")
        wanted = set(parents[parents != ""].str.split(",").explode())
        named = named[named["id"].isin(wanted)]
        self._rows = {
            row.id: row for row in named[["id", "type", "biotype", "parent", "attributes"]].itertuples(index=False)
        }

    def lineage(self, name: str) -> list:
        """Rows of the feature `name` and of its ancestors, nearest first."""
        rows = []
        while (row := self._rows.get(name)) is not None and row not in rows:
            rows.append(row)
            name = row.parent.split(",")[0]
        return rows

    def is_gene(self, name: str) -> bool:
        """Whether the feature `name` is in the file and has no parent itself."""
        row = self._rows.get(name)
        return row is not None and row.parent == ""

    def root(self, name: str) -> str:
        """ID of the topmost ancestor: the gene."""
        rows = self.lineage(name)
        return rows[-1].id if rows else name

    def kind(self, name: str) -> str:
        row = self._rows.get(name)
        return (row.biotype or row.type) if row is not None else ""

    def exclusion(self, name: str, attributes: str) -> str:
        """Why a CDS with these attributes below `name` is not to be trusted; empty if nothing speaks against it."""
        rows = self.lineage(name)
        for row in rows:
            for pattern, reason in _EXCLUDED_KINDS:
                if pattern.search(row.type) or pattern.search(row.biotype):
                    return reason
        for text in (attributes, *(row.attributes for row in rows)):
            for pattern, reason in _EXCLUDED_ATTRIBUTES:
                if pattern.search(text):
                    return reason
        return ""


def _exploded(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each parent of each row."""
    return rows.assign(parent=rows["parent"].str.split(",")).explode("parent", ignore_index=True)


def _by_parent(rows: pd.DataFrame) -> dict[str, tuple[str, str, np.ndarray]]:
    """Contig, strand and (rows, 2) intervals below each parent; rows without a parent belong to no transcript."""
    rows = _exploded(rows[rows["parent"] != ""]).sort_values("parent", kind="stable")
    groups = _boundaries(rows["parent"].to_numpy())
    pairs = rows[["start", "end"]].to_numpy(dtype=np.int64)
    names, contigs, strands = (rows[column].to_numpy() for column in ("parent", "contig", "strand"))
    return {names[low]: (contigs[low], strands[low], pairs[low:high]) for low, high in groups}


def _boundaries(keys: np.ndarray) -> list[tuple[int, int]]:
    """First and last-plus-one row of each run of equal keys."""
    if not len(keys):
        return []
    edges = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _with_owner(cds: pd.DataFrame, ancestors: _Ancestors) -> pd.DataFrame:
    """CDS rows with `owner` (the parent, else the own ID, else the place) and `key`, equal for rows of one CDS.

    Rows below a transcript are one CDS. Below a gene there may be several (bacterial dnaX makes two proteins): there
    the ID tells them apart, provided that the file gives rows of one CDS one ID, or that the rows overlap.
    """
    repeated = bool(cds.loc[cds["id"] != "", "id"].duplicated().any())
    cds = _exploded(cds)
    place = cds["contig"] + ":" + cds["start"].astype(str) + "-" + cds["end"].astype(str)
    owner = cds["parent"].where(cds["parent"] != "", cds["id"].where(cds["id"] != "", place))
    cds = cds.assign(owner=owner).sort_values(["owner", "start", "end"], kind="stable", ignore_index=True)
    genes = [name for name in cds["owner"].unique() if ancestors.is_gene(name)]
    by_id = cds["owner"].isin(genes) & (cds["id"] != "")
    if not repeated:
        before = cds.groupby("owner")["end"].cummax().groupby(cds["owner"]).shift(fill_value=-1)
        overlaps = before - cds["start"] > MAX_FRAMESHIFT_OVERLAP
        by_id &= cds["owner"].isin(cds.loc[overlaps, "owner"])
    key = cds["owner"].where(~by_id, cds["owner"] + "\t" + cds["id"])
    return cds.assign(key=key).sort_values(["key", "start", "end"], kind="stable", ignore_index=True)


def _coding(
    cds: pd.DataFrame, exon_rows: dict[str, tuple[str, str, np.ndarray]], ancestors: _Ancestors
) -> list[Transcript]:
    """One transcript for each key of the table of `_with_owner`."""
    pairs = cds[["start", "end"]].to_numpy(dtype=np.int64)
    phases = cds["phase"].to_numpy(dtype=np.int64)
    columns = {name: cds[name].to_numpy() for name in ("contig", "strand", "owner", "id", "attributes")}
    transcripts = []
    for low, high in _boundaries(cds["key"].to_numpy()):
        contig, strand, owner, name, attributes = (column[low] for column in columns.values())
        step = -1 if strand == "-" else 1
        segments, stated = pairs[low:high][::step], phases[low:high][::step]
        phase = max(int(stated[0]), 0)
        table = _TRANSL_TABLE.search(attributes)
        code = int(table.group(1)) if table else STANDARD_CODE
        left_out = ancestors.exclusion(owner, attributes)
        if not left_out and len({*columns["contig"][low:high], *columns["strand"][low:high]}) > 2:
            left_out = "rows on several contigs or strands"
        left_out = left_out or _untranslatable(contig, strand, segments, stated, code, table is not None)
        below_gene = ancestors.is_gene(owner)
        siblings = exon_rows.get(owner, (contig, strand, _NO_ROWS))[2]
        transcripts.append(
            Transcript(
                contig=contig,
                strand=strand,
                gene=ancestors.root(owner),
                transcript=name if below_gene and name else owner,
                kind=ancestors.kind(owner),
                cds=segments,
                exons=Intervals(np.concatenate([siblings, segments])).pairs,
                phase=phase,
                code=code,
                recoded=_TRANSL_EXCEPT.search(attributes) is not None,
                left_out=left_out,
            )
        )
    return transcripts


def _untranslatable(
    contig: str, strand: str, segments: np.ndarray, stated: np.ndarray, code: int, code_stated: bool
) -> str:
    """Why CDS rows in the order of translation cannot be translated; empty if they can.

    `stated` holds the phases as the file has them, -1 where it has none.
    """
    if strand not in ("+", "-"):
        return "no strand"
    if not code_stated and contig.lower() in MITOCHONDRIA:
        return "mitochondrial, without transl_table"
    if code not in GENETIC_CODES:
        return f"genetic code {code} is not supported"
    sizes = segments[:, 1] - segments[:, 0]
    phase = max(int(stated[0]), 0)
    if sizes.sum() - phase < 3:
        return "shorter than a codon"
    expected = (phase - (np.cumsum(sizes) - sizes)) % 3
    if np.any((stated[1:] >= 0) & (stated[1:] != expected[1:])):
        return "phases contradict the lengths"
    return ""
