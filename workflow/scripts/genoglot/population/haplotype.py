"""A genome of a population: the reference with one haplotype of one sample of a VCF applied to it."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pysam

from genoglot.compression import check_bgzip_end
from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.alleles import trim
from genoglot.population.chain import Alignment, Chain
from genoglot.population.genotypes import Calls, Haplotype, Skipped, read_haplotype

logger = logging.getLogger(__name__)

FETCH = 1 << 23
LINE_WIDTH = 80
LINES = 1 << 16
KINDS = ("snv", "mnv", "insertion", "deletion", "complex")


@dataclass(slots=True)
class Edit:
    """Bases `start` to `end` of a contig of the reference, 0-based half-open, are replaced by `text`."""

    start: int
    end: int
    text: bytes
    call: int

    @property
    def kind(self) -> str:
        removed, added = self.end - self.start, len(self.text)
        if removed == added:
            return "snv" if added == 1 else "mnv"
        if not removed or not added:
            return "deletion" if removed else "insertion"
        return "complex"


@dataclass
class Applied:
    """Edits by kind, the longer of removed and new bases summed, and the bases gained in all."""

    kinds: Counter[str] = field(default_factory=Counter)
    bases_changed: int = 0
    length_change: int = 0

    def add(self, edit: Edit) -> None:
        removed, added = edit.end - edit.start, len(edit.text)
        self.kinds[edit.kind] += 1
        self.bases_changed += max(removed, added)
        self.length_change += added - removed


def derive_haplotype(
    reference: Path,
    vcf: Path,
    sample: str,
    haplotype: int,
    fasta: Path,
    chain: Path,
    report: Path,
    names: Path | None = None,
) -> None:
    """Apply the alleles of one haplotype of a sample to a reference genome.

    SNVs, MNVs, insertions, deletions and what mixes them are applied, whatever FILTER says; a haploid call counts for
    both haplotypes, a missing one leaves the reference. Of unphased heterozygous genotypes the allele that is written
    first makes haplotype 1: they are counted, since the haplotype is then a mixture of both. Phase sets (PS) are not
    looked at. Alleles are first trimmed of the bases that REF and ALT share, the anchor of indels among them: two
    variants overlap if what is left of them does, or if they insert at the same place. The order of records does not
    matter; of variants that overlap, the one that starts first is applied.

    New bases take the case of the first base that they replace (inserted ones, of the base before), so that soft masks
    persist. Memory: the alleles of the haplotype that differ from the reference, and three times the longest contig.

    Args:
        reference: bgzip FASTA with `.fai` and `.gzi`, of A, C, G, T, N in either case.
        vcf: VCF or BCF, plain, gzip or bgzip, with or without index.
        sample: name of a sample of the VCF.
        haplotype: 1 or 2, which of the alleles of GT.
        fasta: output, bgzip if its name ends in `.gz`, else plain; the contigs of the reference under the same names.
        chain: output, a UCSC chain file with the derived genome as target and the reference as query, which is what
            tools need to lift coordinates of the derived genome to the reference: `liftOver derived.bed <chain> ...`,
            `Chain.to_query`. (`bcftools consensus -c` writes the other direction.)
        report: output JSON: `reference`, `sample`, `haplotype`; `applied`, counts by kind of the trimmed
            alleles; `skipped`, for each reason `count` and `examples` (1-based, as in the VCF); `unphased`;
            `bases_changed`, the longer of the two trimmed alleles, summed; `length_change`, bases gained.
        names: table of the names of the reference's contigs (`genome.names`), by which the VCF may call them.

    Reasons to skip: MISSING_GENOTYPE, CONTIG_UNKNOWN (also: dropped from the genome), SYMBOLIC (`<DEL>`, breakends),
    STAR_ALLELE, AMBIGUOUS_BASE (other than A, C, G, T in REF, ALT or the genome), GENOTYPE_INVALID (an allele that the
    record does not have), NO_CHANGE (ALT is REF), REF_MISMATCH, OVERLAP, UNREADABLE (a malformed line).

    Raises:
        InputError: `haplotype` is not 1 or 2, the VCF is damaged or has no such sample, or no variant is applied.
    """
    if haplotype not in (1, 2):
        raise InputError(f"sample {sample!r}: found haplotype {haplotype!r}, expected 1 or 2, a place in GT")
    applied, alignments = Applied(), dict[str, Alignment]()
    with pysam.FastaFile(str(reference)) as genome, atomic_path(Path(fasta)) as partial:
        found = read_haplotype(Path(vcf), sample, haplotype, set(genome.references), names)
        with _open_fasta(partial) as handle:
            for contig in genome.references:
                sequence = _read_contig(genome, contig)
                edits = list(_apart(_edits(contig, sequence, found), contig, found))
                for edit in edits:
                    applied.add(edit)
                alignments[contig] = _alignment(len(sequence), edits)
                _write_contig(handle, contig, _edited(sequence, edits))
        if partial.suffix == ".gz":
            check_bgzip_end(partial)
        _check_applied(applied, found.skipped, Path(vcf), sample, list(genome.references))
        Chain(alignments).write(chain)
        write_json(
            Path(report),
            {
                "reference": str(reference),
                "sample": sample,
                "haplotype": haplotype,
                "applied": {kind: applied.kinds[kind] for kind in KINDS},
                "skipped": _skipped(found.skipped),
                "unphased": found.unphased,
                "bases_changed": applied.bases_changed,
                "length_change": applied.length_change,
            },
        )
    _log(applied, found, sample, haplotype)


def _read_contig(genome: pysam.FastaFile, contig: str) -> bytearray:
    sequence = bytearray()
    length = genome.get_reference_length(contig)
    for start in range(0, length, FETCH):
        sequence += genome.fetch(contig, start, min(start + FETCH, length)).encode("ascii")
    return sequence


def _edits(contig: str, sequence: bytearray, haplotype: Haplotype) -> list[Edit]:
    """Trimmed alleles whose REF is that of the genome, by start, insertions before what is replaced there."""
    calls = haplotype.calls.get(contig, Calls())
    edits = []
    for number, (position, ref, alt) in enumerate(zip(calls.positions, calls.refs, calls.alts, strict=True)):
        actual = bytes(sequence[position : position + len(ref)]).upper() if position >= 0 else b""
        if actual != ref:
            reason = "AMBIGUOUS_BASE" if b"N" in actual else "REF_MISMATCH"
            haplotype.skipped.add(reason, contig, position, ref, alt)
            continue
        start, end, text = trim(position, ref, alt)
        if start == end and not text:
            haplotype.skipped.add("NO_CHANGE", contig, position, ref, alt)
            continue
        replaced = start if end > start else max(start - 1, 0)
        edits.append(Edit(start, end, text.lower() if sequence[replaced] >= ord("a") else text, number))
    edits.sort(key=lambda edit: (edit.start, edit.end > edit.start, calls.positions[edit.call], edit.call))
    return edits


def _apart(edits: list[Edit], contig: str, haplotype: Haplotype) -> Iterator[Edit]:
    """The edits that do not overlap with one before, nor insert where one before inserts."""
    done, inserted = 0, -1
    for edit in edits:
        if edit.start < done or edit.start == edit.end == inserted:
            calls, call = haplotype.calls[contig], edit.call
            haplotype.skipped.add("OVERLAP", contig, calls.positions[call], calls.refs[call], calls.alts[call])
            continue
        done = edit.end
        inserted = edit.start if edit.start == edit.end else -1
        yield edit


def _alignment(length: int, edits: list[Edit]) -> Alignment:
    columns = np.array([(edit.start, edit.end, len(edit.text)) for edit in edits], dtype=np.int64).reshape(-1, 3)
    return Alignment.from_edits(length, *columns.T)


def _edited(sequence: bytearray, edits: list[Edit]) -> bytes | bytearray:
    """The sequence with edits made that ascend and do not overlap."""
    if not edits:
        return sequence
    pieces: list[bytes | memoryview] = []
    view, done = memoryview(sequence), 0
    for edit in edits:
        pieces += (view[done : edit.start], edit.text)
        done = edit.end
    return b"".join([*pieces, view[done:]])


def _open_fasta(path: Path) -> BinaryIO | pysam.BGZFile:
    return pysam.BGZFile(str(path), "wb", None) if path.suffix == ".gz" else open(path, "wb")


def _write_contig(handle: BinaryIO | pysam.BGZFile, contig: str, sequence: bytes | bytearray) -> None:
    handle.write(f">{contig}\n".encode())
    for start in range(0, len(sequence), LINES * LINE_WIDTH):
        block = np.frombuffer(
            sequence, dtype=np.uint8, offset=start, count=min(LINES * LINE_WIDTH, len(sequence) - start)
        )
        whole = len(block) // LINE_WIDTH
        lines = np.full((whole, LINE_WIDTH + 1), ord("\n"), dtype=np.uint8)
        lines[:, :LINE_WIDTH] = block[: whole * LINE_WIDTH].reshape(-1, LINE_WIDTH)
        rest = block[whole * LINE_WIDTH :].tobytes()
        handle.write(lines.tobytes() + (rest + b"\n" if rest else b""))


def _check_applied(applied: Applied, skipped: Skipped, vcf: Path, sample: str, contigs: list[str]) -> None:
    if applied.kinds:
        return
    reasons = "; ".join(f"{count} {name} ({skipped.examples[name][0]})" for name, count in skipped.counts.most_common())
    found = f"skipped: {reasons}" if reasons else "every genotype is the reference's"
    advice = "expected a VCF with genotypes of this sample, made on this reference"
    if skipped.counts["CONTIG_UNKNOWN"]:
        known = ", ".join(contigs[:5])
        advice += f"; the reference's contigs are {known}: if the names differ, give the reference a table of aliases"
    raise InputError(f"{vcf}: no variant of sample {sample!r} can be applied; {found}; {advice}")


def _skipped(skipped: Skipped) -> dict[str, Any]:
    return {
        reason: {"count": count, "examples": skipped.examples[reason]}
        for reason, count in sorted(skipped.counts.items())
    }


def _log(applied: Applied, found: Haplotype, sample: str, haplotype: int) -> None:
    skipped = ", ".join(f"{count} {reason}" for reason, count in found.skipped.counts.most_common()) or "none"
    logger.info("%s, haplotype %d: %d variants applied; skipped: %s", sample, haplotype, applied.kinds.total(), skipped)
    if found.unphased:
        logger.warning(
            "%s: %d heterozygous genotypes are not phased; haplotype %d takes their alleles in the order written",
            sample,
            found.unphased,
            haplotype,
        )
