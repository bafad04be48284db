"""Alleles of VCF records as edits of a genome, each with what keeps it from having a score, if anything does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genoglot.genome.alleles import trim
from genoglot.genome.names import ContigNames
from genoglot.genome.store import CODE_MASK, N_CODE, Genome, encode, reverse_complement
from genoglot.variants.records import Record, contig_numbers

SCORED = ""
REASONS = {
    "CONTIG_UNKNOWN": "the genome has no contig of this name",
    "OUTSIDE_CONTIG": "the position is beyond the contig's end",
    "REF_MISMATCH": "REF is not what the genome has there",
    "AMBIGUOUS_BASE": "REF, ALT or the genome holds a letter other than A, C, G and T there",
    "NO_ALT": "the record has no alternative allele",
    "SAME_AS_REF": "ALT is REF",
    "STAR_ALLELE": "the allele is one that an upstream deletion removes",
    "SYMBOLIC": "a symbolic allele or breakend that says no sequence: <DEL>, <DUP> and <INV> need END or SVLEN, "
    "<INS> the inserted sequence in SEQ, SVINSSEQ or INSSEQ",
    "TOO_LONG": "the allele is longer than scoring.max_length, or than half of the model's window",
}
SYMBOLS = {"DEL": "deletion", "DUP": "duplication", "INV": "inversion", "INS": "insertion"}
INSERTED = ("SEQ", "SVINSSEQ", "INSSEQ")  # INFO keys in which callers write what is inserted
_BASES = re.compile(r"[ACGTacgt]+")
_SYMBOLIC = re.compile(r"[<>\[\].*]")


class Edit(NamedTuple):
    """A part of the genome and what an allele has in its place.

    `start` and `end` are 0-based half-open on the contig; `new` are base codes, uint8 (length,).
    """

    kind: str
    start: int
    end: int
    new: np.ndarray


@dataclass
class Alleles:
    """One row for each ALT of a batch of records, in order; a record without ALT has one too.

    `record` is the record's index in the batch, `contig` the number of the genome's contig, -1 if unknown; `reason` is
    empty where a score is possible. `kind` is snv, mnv, insertion, deletion, complex, duplication, inversion, or
    symbolic and none where it cannot be told.
    """

    record: np.ndarray
    contig: np.ndarray
    alt: list[str]
    edits: list[Edit]
    kind: np.ndarray
    reason: np.ndarray

    def rows(self, snvs: bool) -> np.ndarray:
        """Rows that can be scored, of SNVs or of all others."""
        return np.flatnonzero((self.reason == SCORED) & ((self.kind == "snv") == snvs))

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """First base that an edit replaces, 0-based."""
        return np.array([self.edits[row].start for row in rows], dtype=np.int64)


def read_alleles(records: Sequence[Record], genome: Genome, names: ContigNames, longest: int) -> Alleles:
    """Alleles of a batch of records, their REF compared with the genome.

    `longest` is the most bases that an allele may delete or insert. Alleles are trimmed of the bases that REF and ALT
    share, so that one written with more bases than it needs is the same; indels keep the left of the places that the
    record leaves them.
    """
    lengths, offsets = (genome.contigs[name].to_numpy() for name in ("length", "offset"))
    numbers = contig_numbers(records, genome, names)
    owner: list[int] = []
    alts: list[str] = []
    edits: list[Edit] = []
    reasons: list[str] = []
    for index, (record, number) in enumerate(zip(records, numbers, strict=True)):
        bases = genome.bases[offsets[number] : offsets[number] + lengths[number]] if number >= 0 else None
        wrong = _reference_reason(record, bases)
        for place, alt in enumerate(record.alts):
            edit, reason = _edit(record, place, alt, bases, longest)
            owner.append(index)
            alts.append(alt)
            edits.append(edit)
            # a mismatch says more than what the allele would have been
            reasons.append(wrong or reason)
    record_of = np.array(owner, dtype=np.int64)
    kinds = np.array([edit.kind for edit in edits], dtype=object)
    return Alleles(record_of, numbers[record_of], alts, edits, kinds, np.array(reasons, dtype=object))


def _reference_reason(record: Record, bases: np.ndarray | None) -> str:
    """Why no allele of a record can be scored, judged by its place and REF."""
    if bases is None:
        return "CONTIG_UNKNOWN"
    end = record.position + len(record.ref)
    if record.position < 0 or end > len(bases):
        return "OUTSIDE_CONTIG"
    if not _BASES.fullmatch(record.ref):
        return "AMBIGUOUS_BASE"
    there = bases[record.position : end] & CODE_MASK
    if (there == N_CODE).any():
        return "AMBIGUOUS_BASE"
    return SCORED if np.array_equal(there, encode(record.ref) & CODE_MASK) else "REF_MISMATCH"


def _edit(record: Record, place: int, alt: str, bases: np.ndarray | None, longest: int) -> tuple[Edit, str]:
    """The edit of the ALT that stands at `place`, and why it has no score, judged by the record alone."""
    nothing = np.empty(0, dtype=np.uint8)
    if alt in (".", ""):
        return Edit("none", record.position, record.position, nothing), "NO_ALT"
    if alt == "*":
        return Edit("none", record.position, record.position, nothing), "STAR_ALLELE"
    if _SYMBOLIC.search(alt):
        return _symbolic(record, place, alt, bases, longest)
    start, end, text = trim(record.position, record.ref.upper().encode(), alt.upper().encode())
    edit = Edit(kind_of(end - start, len(text)), start, end, encode(text) & CODE_MASK)
    if edit.kind == "none":
        return edit, "SAME_AS_REF"
    if not _BASES.fullmatch(alt):
        return edit, "AMBIGUOUS_BASE"
    return edit, "TOO_LONG" if max(end - start, len(text)) > longest else SCORED


def kind_of(deleted: int, inserted: int) -> str:
    """What an edit is that replaces so many bases by so many."""
    if not deleted and not inserted:
        return "none"
    if not deleted or not inserted:
        return "deletion" if deleted else "insertion"
    if deleted != inserted:
        return "complex"
    return "snv" if deleted == 1 else "mnv"


def _symbolic(record: Record, place: int, alt: str, bases: np.ndarray | None, longest: int) -> tuple[Edit, str]:
    """<DEL>, <DUP>, <INV> and <INS>, whose REF is the base before what they change."""
    start = record.position + 1
    kind = SYMBOLS.get(re.split("[:>]", alt.lstrip("<"))[0], "symbolic") if alt.startswith("<") else "symbolic"
    nothing = Edit(kind, start, start, np.empty(0, dtype=np.uint8))
    info = dict(item.partition("=")[::2] for item in record.info.split(";"))
    if kind == "symbolic" or bases is None:
        return nothing, "SYMBOLIC"
    if kind == "insertion":
        texts = next((info[key] for key in INSERTED if info.get(key)), "").split(",")
        text = texts[place] if len(texts) == len(record.alts) else ""
        if not _BASES.fullmatch(text):
            return nothing, "SYMBOLIC" if text in ("", ".") else "AMBIGUOUS_BASE"
        return Edit(kind, start, start, encode(text) & CODE_MASK), "TOO_LONG" if len(text) > longest else SCORED
    end = _end(info, place, len(record.alts), start)
    if end <= start:
        return nothing, "SYMBOLIC"
    if end > len(bases):
        return nothing, "OUTSIDE_CONTIG"
    if end - start > longest:
        return nothing, "TOO_LONG"
    part = bases[start:end] & CODE_MASK
    if kind == "deletion":
        edit = Edit(kind, start, end, nothing.new)
    elif kind == "duplication":
        edit = Edit(kind, end, end, part)
    else:
        edit = Edit(kind, start, end, reverse_complement(part))
    return edit, "AMBIGUOUS_BASE" if (part == N_CODE).any() else SCORED


def _end(info: dict[str, str], place: int, alleles: int, start: int) -> int:
    """0-based end of what a symbolic allele changes: by SVLEN where there is one for each ALT, else by END; 0: none."""
    sizes = info.get("SVLEN", "").split(",")
    try:
        if len(sizes) == alleles and sizes[place] not in ("", "."):
            return start + abs(int(sizes[place]))
        return int(info.get("END", "0"))
    except ValueError:
        return 0
