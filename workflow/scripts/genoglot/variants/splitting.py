"""A file of variants checked as a whole, and cut into chunks that are scored by jobs of their own."""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.names import ContigNames
from genoglot.genome.store import BLOCK, CODE_MASK, N_CODE, Genome, encode
from genoglot.genome.tabix import LONGEST_CONTIG
from genoglot.variants.fields import FIELDS, VcfWriter
from genoglot.variants.records import Record, VariantFile, chunked, contig_numbers, open_variants, place

log = logging.getLogger(__name__)

AT_ONCE = 8_192  # records compared with the genome together
FEWEST = 10  # mismatches: fewer never stop a run
EXAMPLES = 5


@dataclass
class Survey:
    """What one reading of the file tells.

    Attributes:
        blocks: records in each block of `BLOCK` bases of a contig, in the file's order.
        contigs: the contigs in the order of the file.
        checked: records whose contig the genome has, with a REF of A, C, G and T.
        mismatches: those of them whose REF is not what the genome has.
        examples: the first of those, in words.
    """

    blocks: dict[tuple[str, int], int] = field(default_factory=dict)
    contigs: list[str] = field(default_factory=list)
    checked: int = 0
    mismatches: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def records(self) -> int:
        return sum(self.blocks.values())


def split_variants(
    vcf: Path,
    sequence: Path,
    chunks: Sequence[Path],
    report: Path,
    contigs: list[str] | None,
    max_mismatch: float,
    names: Path | None = None,
) -> None:
    """Cut a file of variants into as many VCFs (bgzip) as there are paths in `chunks`, of about the same size.

    Chunks end between blocks of `genoglot.genome.store.BLOCK` bases, so that the number of chunks does not change which
    sites share a window. Some may be empty.

    Args:
        vcf: VCF or BCF, plain, gzip or bgzip, or a table (`records.open_variants`).
        sequence: tokenized genome.
        chunks: files to write.
        report: JSON to write: records, records of each chunk, contigs, and how many REF differ from the genome.
        contigs: contigs of the genome to keep, by any of their names; None: all records, also those whose contig the
            genome does not have.
        max_mismatch: share of REF alleles that may differ from the genome.
        names: the genome's `names.tsv`.

    Raises:
        InputError: the file cannot be read or is not sorted; it has fields of our names; the genome lacks one of
            `contigs`; or more REF than `max_mismatch` differ from the genome, which is then hardly the one that the
            variants were called on.
    """
    source, genome = open_variants(vcf), Genome(Path(sequence))
    known = ContigNames.of(genome.contigs.index, names)
    refuse_fields(source, vcf, {entry.name for entry in FIELDS})
    wanted = _wanted(contigs, known, vcf) if contigs else None
    chosen = known.called(wanted) if wanted else None
    survey = _survey(source, genome, known, chosen)
    _refuse_another_genome(survey, vcf, genome, max_mismatch)
    sizes = _write(source, survey, _with_contigs(source, survey, genome, known), chosen, chunks)
    log.info("%d records in %d chunks", survey.records, len(chunks))
    write_json(
        report,
        {
            "records": survey.records,
            "chunks": sizes,
            "contigs": sorted(wanted) if wanted else None,
            "ref_checked": survey.checked,
            "ref_mismatches": survey.mismatches,
        },
    )


def refuse_fields(source: VariantFile, vcf: Path, names: Collection[str]) -> None:
    """Raise `InputError` if a file has INFO fields of these names, which are to be written into it."""
    if ours := sorted(source.info_fields() & set(names)):
        raise InputError(
            f"{vcf} already has INFO/{', '.join(ours)}; remove it first: "
            f"bcftools annotate -x {','.join(f'INFO/{name}' for name in ours)}"
        )


def _wanted(contigs: list[str], names: ContigNames, vcf: Path) -> set[str]:
    """The genome's own names of contigs to score."""
    asked = pd.Series(contigs, dtype=object)
    found = names.resolve(asked)
    missing = found.isna() | (found == "")
    if missing.any():
        raise InputError(
            f"{vcf}: asked to score contig {', '.join(sorted(asked[missing]))}, which the genome does not have"
        )
    return set(found)


def _chosen(source: VariantFile, contigs: set[str] | None) -> Iterator[Record]:
    records = source.records()
    return records if contigs is None else (record for record in records if record.contig in contigs)


def _survey(source: VariantFile, genome: Genome, names: ContigNames, contigs: set[str] | None) -> Survey:
    """Read the file once: is it sorted, how many records are where, and do their REF fit the genome?"""
    survey, seen = Survey(), set[str]()
    last: Record | None = None
    for records in chunked(_chosen(source, contigs), AT_ONCE):
        for record in records:
            if last is None or record.contig != last.contig:
                if record.contig in seen:
                    _refuse_order(source, record, f"records of {record.contig!r} also stand further above")
                seen.add(record.contig)
                survey.contigs.append(record.contig)
            elif record.position < last.position:
                _refuse_order(source, record, f"the one before is at {last.position + 1}")
            if not -1 <= record.position < LONGEST_CONTIG:
                raise InputError(
                    f"{source.path}, {source.unit} {record.number} ({_named(record)}): a position is at least 0 and at "
                    f"most {LONGEST_CONTIG}, which is how far a tabix index reaches"
                )
            where = place(record, BLOCK)
            survey.blocks[where] = survey.blocks.get(where, 0) + 1
            last = record
        _compare(records, genome, names, survey)
    return survey


def _refuse_order(source: VariantFile, record: Record, why: str) -> None:
    raise InputError(
        f"{source.path} is not sorted by position within contigs: {source.unit} {record.number} is {_named(record)}, "
        f"but {why}; sort it first: bcftools sort"
    )


def _named(record: Record) -> str:
    return f"{record.contig}:{record.position + 1} {record.ref[:30]}>{','.join(record.alts)[:30]}"


def _compare(records: list[Record], genome: Genome, names: ContigNames, survey: Survey) -> None:
    """Count whose first base of REF is that of the genome; the others are looked at when they are scored."""
    numbers = contig_numbers(records, genome, names)
    first = encode("".join(record.ref[:1] or "N" for record in records).encode("ascii", "replace")) & CODE_MASK
    positions = np.array([record.position for record in records], dtype=np.int64)
    there = genome.at(np.maximum(numbers, 0), positions[:, None])[:, 0]
    checked = (numbers >= 0) & (first < N_CODE) & (there < N_CODE)
    wrong = np.flatnonzero(checked & (there != first))
    survey.checked += int(checked.sum())
    survey.mismatches += len(wrong)
    for row in wrong[: EXAMPLES - len(survey.examples)]:
        survey.examples.append(f"{_named(records[row])}, where the genome has {'ACGT'[there[row]]}")


def _refuse_another_genome(survey: Survey, vcf: Path, genome: Genome, most: float) -> None:
    if survey.mismatches < FEWEST or survey.mismatches <= most * survey.checked:
        return
    raise InputError(
        f"{vcf}: {survey.mismatches} of {survey.checked} REF alleles differ from the genome {genome.folder}, more than "
        f"{most:.0%} (scoring.max_ref_mismatch): {'; '.join(survey.examples)}. Were the variants called on another "
        "assembly? Give the genome they were called on, or lift them over (bcftools +liftover, CrossMap)"
    )


def _with_contigs(source: VariantFile, survey: Survey, genome: Genome, names: ContigNames) -> list[str]:
    """The header with a line for each contig that it lacks."""
    declared = source.declared()
    missing = [name for name in survey.contigs if name not in declared]
    own = names.resolve(pd.Series(missing, dtype=object)).fillna("")
    lengths = [genome.contigs["length"].get(name) for name in own]
    sized = [f",length={length}" if length is not None else "" for length in lengths]
    new = [f"##contig=<ID={name}{size}>" for name, size in zip(missing, sized, strict=True)]
    return [*source.header[:-1], *new, source.header[-1]]


def _write(
    source: VariantFile, survey: Survey, header: list[str], contigs: set[str] | None, chunks: Sequence[Path]
) -> list[int]:
    """Write the chunks, each whole or not at all; return how many records each has."""
    records = _chosen(source, contigs)
    done, total = 0, max(survey.records, 1)
    ends = [0] * len(chunks)
    for count in survey.blocks.values():
        # a block belongs to the chunk in whose share of all records it begins
        ends[done * len(chunks) // total] += count
        done += count
    for path, size in zip(chunks, ends, strict=True):
        with atomic_path(path) as temporary:
            writer = VcfWriter(temporary, header)
            left = size
            while left:
                part = next(chunked(records, min(left, AT_ONCE)))
                writer.write(part, ("" for _ in part))
                left -= len(part)
            writer.close()
    return ends
