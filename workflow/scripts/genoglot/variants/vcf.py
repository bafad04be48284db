"""Reading a VCF as a stream of alleles, and writing the same records with more in INFO."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
from cyvcf2 import VCF, Variant

from genoglot.errors import InputError
from genoglot.genome.names import ContigNames
from genoglot.genome.store import CODE_MASK, ENCODE, N_CODE, Genome

log = logging.getLogger(__name__)

SCORED = ""


@dataclass
class Alleles:
    """One row per ALT allele of a chunk of records, in order.

    `record` numbers the record within the chunk, `contig` is the contig's number (-1 unknown), `position` 0-based;
    `reference` and `alternative` are base codes of SNVs; `reason` is empty where a score is possible.
    """

    record: np.ndarray
    contig: np.ndarray
    position: np.ndarray
    ref: list[str]
    alt: list[str]
    reference: np.ndarray
    alternative: np.ndarray
    reason: np.ndarray


def open_vcf(path: Path) -> VCF:
    """Open a VCF or BCF, whatever its compression."""
    try:
        return VCF(str(path), lazy=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as VCF: {error}") from error


def chunks(vcf: VCF, path: Path, chroms: set[str] | None, size: int) -> Iterator[list]:
    """Lists of at most `size` records, in file order, of the named CHROMs if any are named."""
    records = iter(vcf) if chroms is None else (record for record in vcf if record.CHROM in chroms)
    while True:
        try:
            chunk = list(islice(records, size))
        except Exception as error:  # cyvcf2 raises bare exceptions for malformed records
            raise InputError(f"{path}: a record cannot be read: {error}") from error
        if not chunk:
            return
        yield chunk


def reason_without_score(record: Variant, alt: str | None, genome: Genome, contig: int) -> str:
    """Why an allele cannot be scored as an SNV, judged by its record alone; empty if it can."""
    if contig < 0:
        return "CONTIG_UNKNOWN"
    if alt is None:
        return "NO_ALT"
    if alt == "*":
        return "STAR_ALLELE"
    if any(sign in alt for sign in "<>[].*"):
        return "SYMBOLIC"
    if len(record.REF) != 1 or len(alt) != 1:
        return "NOT_SNV"
    if record.REF.upper() not in "ACGT" or alt.upper() not in "ACGT":
        return "AMBIGUOUS_BASE"
    return SCORED


def read_alleles(records: list, genome: Genome, names: ContigNames) -> Alleles:
    """Alleles of a chunk, with REF compared to the genome, in which CHROM is looked up by its names."""
    numbers = genome.contig_numbers(names.resolve(pd.Series([record.CHROM for record in records], dtype=object)))
    rows = []
    for index, (record, contig) in enumerate(zip(records, numbers, strict=True)):
        for alt in record.ALT or [None]:
            reason = reason_without_score(record, alt, genome, contig)
            rows.append((index, contig, record.POS - 1, record.REF, alt or ".", reason))
    columns = list(zip(*rows, strict=True))
    alleles = Alleles(
        record=np.array(columns[0]),
        contig=np.array(columns[1]),
        position=np.array(columns[2]),
        ref=list(columns[3]),
        alt=list(columns[4]),
        reference=first_base(columns[3]),
        alternative=first_base(columns[4]),
        reason=np.array(columns[5], dtype=object),
    )
    possible = np.flatnonzero(alleles.reason == SCORED)
    actual = genome.windows(alleles.contig[possible], alleles.position[possible], 1)[:, 0]
    alleles.reason[possible[actual != alleles.reference[possible]]] = "REF_MISMATCH"
    alleles.reason[possible[actual == N_CODE]] = "AMBIGUOUS_BASE"
    return alleles


def first_base(alleles: Sequence[str]) -> np.ndarray:
    """Base code of the first letter of each allele, uint8 (alleles,)."""
    letters = np.frombuffer("".join(allele[0] for allele in alleles).encode(), dtype=np.uint8)
    return ENCODE[letters] & CODE_MASK


@dataclass(frozen=True)
class InfoField:
    """An INFO field with one value per ALT allele."""

    name: str
    kind: str
    description: str

    @property
    def header(self) -> str:
        return f'##INFO=<ID={self.name},Number=A,Type={self.kind},Description="{self.description}">'


class VcfWriter:
    """Writes records as they were read, with fields appended to INFO, as bgzip; `close` adds the tabix index."""

    def __init__(self, path: Path, source: VCF, source_path: Path, fields: list[InfoField], lines: list[str]):
        header = source.raw_header.rstrip("\n").split("\n")
        for field in fields:
            if any(line.startswith(f"##INFO=<ID={field.name},") for line in header):
                raise InputError(
                    f"{source_path} already has INFO/{field.name}; remove it first: "
                    f"bcftools annotate -x INFO/{field.name}"
                )
        known = {line.split("ID=", 1)[1].split(",")[0].rstrip(">") for line in header if line.startswith("##contig=")}
        self.path, self.fields = path, fields
        self.handle = pysam.BGZFile(str(path), "wb", None)
        new = [*lines, *(field.header for field in fields)]
        self._write([*header[:-1], *(f"##contig=<ID={name}>" for name in source.seqnames if name not in known)])
        self._write([*new, header[-1]])

    def _write(self, lines: list[str]) -> None:
        self.handle.write("".join(f"{line}\n" for line in lines).encode())

    def write(self, records: list, values: list[list[str]]) -> None:
        """`values[i]` holds record i's text for each field; an empty text leaves the field out."""
        lines = []
        for record, texts in zip(records, values, strict=True):
            columns = str(record).rstrip("\n").split("\t")
            added = [f"{field.name}={text}" for field, text in zip(self.fields, texts, strict=True) if text]
            kept = [] if columns[7] == "." else [columns[7]]
            columns[7] = ";".join(kept + added) or "."
            lines.append("\t".join(columns))
        self._write(lines)

    def close(self) -> None:
        self.handle.close()
