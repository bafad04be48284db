"""The alleles of one haplotype of a sample, read from a VCF as a stream."""

import difflib
import re
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
from cyvcf2 import VCF, Variant

from genoglot.compression import check_bgzip_end, is_bgzip
from genoglot.errors import InputError
from genoglot.genome.names import ContigNames

EXAMPLES = 5
SHOWN = 30
# A damaged file gives an error for every further read, and never ends.
MAX_UNREADABLE = 20

_BASES = re.compile(r"[ACGTacgt]+")
_SYMBOLS = re.compile(r"[<>\[\].*]")


@dataclass
class Calls:
    """Alleles other than the reference on one contig, in the order of the file: 0-based positions, REF and ALT.

    The columns are parallel, and bytes of one letter are shared: a human haplotype takes some 100 MB.
    """

    positions: array = field(default_factory=lambda: array("q"))
    refs: list[bytes] = field(default_factory=list)
    alts: list[bytes] = field(default_factory=list)


@dataclass
class Skipped:
    """Alleles that are not applied, counted by reason, with the first few of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, contig: str, position: int, ref: str | bytes, alt: str | bytes) -> None:
        """Count an allele; `position` is 0-based."""
        self._count(reason, lambda: f"{contig}:{position + 1} {_shown(ref)}>{_shown(alt)}")

    def add_unreadable(self, last: str) -> None:
        """Count a line that cannot be read; `last` says which record is before it."""
        self._count("UNREADABLE", lambda: f"after {last}")

    def _count(self, reason: str, example: Callable[[], str]) -> None:
        self.counts[reason] += 1
        if self.counts[reason] <= EXAMPLES:
            self.examples.setdefault(reason, []).append(example())


def _shown(allele: str | bytes) -> str:
    text = allele.decode() if isinstance(allele, bytes) else allele
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)})"


@dataclass
class Haplotype:
    """What a VCF says of one haplotype of a sample.

    Attributes:
        calls: by contig of the reference, the alleles that can be applied, judged by their records alone.
        skipped: those that cannot; more may be added when the reference is looked at.
        unphased: heterozygous genotypes without phase.
    """

    calls: dict[str, Calls] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)
    unphased: int = 0

    def add(self, contig: str, position: int, ref: str, alt: str) -> None:
        calls = self.calls.setdefault(contig, Calls())
        calls.positions.append(position)
        calls.refs.append(ref.upper().encode())
        calls.alts.append(alt.upper().encode())


def read_haplotype(path: Path, sample: str, number: int, contigs: Collection[str], names: Path | None) -> Haplotype:
    """Read the alleles of haplotype `number` (1 or 2) of a sample; all arguments as in `haplotype.derive_haplotype`.

    Raises:
        InputError: the file is not there, no VCF or damaged, or it has no such sample.
    """
    haplotype = Haplotype()
    resolve = _resolver(contigs, names)
    vcf = _open_vcf(path, sample)
    for record in _records(vcf, path, haplotype.skipped):
        try:
            *alleles, phased = record.genotypes[0]
        except Exception:  # cyvcf2 raises bare exceptions for records without GT
            alleles, phased = [-1], True
        allele = alleles[number - 1] if len(alleles) > 1 else alleles[0]
        if not phased and min(alleles) >= 0 and len(set(alleles)) > 1:
            haplotype.unphased += 1
        if allele == 0:
            continue
        alts = record.ALT
        alt = alts[allele - 1] if 0 < allele <= len(alts) else ""
        contig = resolve(record.CHROM)
        reason = _reason(allele, record.REF, alt, contig)
        if reason or contig is None:
            haplotype.skipped.add(reason, contig or record.CHROM, record.POS - 1, record.REF, alt or _listed(alts))
        else:
            haplotype.add(contig, record.POS - 1, record.REF, alt)
    vcf.close()
    return haplotype


def _listed(alts: list[str]) -> str:
    return ",".join(alts) or "."


def _reason(allele: int, ref: str, alt: str, contig: str | None) -> str:
    """Why an allele cannot be applied, judged by its record alone; empty if it can."""
    if allele < 0:
        return "MISSING_GENOTYPE"
    if contig is None:
        return "CONTIG_UNKNOWN"
    if not alt:
        return "GENOTYPE_INVALID"
    if alt == "*":
        return "STAR_ALLELE"
    if _SYMBOLS.search(alt):
        return "SYMBOLIC"
    return "" if _BASES.fullmatch(ref) and _BASES.fullmatch(alt) else "AMBIGUOUS_BASE"


def _resolver(contigs: Collection[str], names: Path | None) -> Callable[[str], str | None]:
    """A function from a contig's name in the VCF to its name in the reference, None where that does not have it."""
    table = ContigNames.read(names) if names else None

    @cache
    def resolve(name: str) -> str | None:
        contig = name if table is None else table.resolve(pd.Series([name])).iloc[0]
        return contig if contig in contigs else None

    return resolve


def _open_vcf(path: Path, sample: str) -> VCF:
    """Open a VCF for one of its samples."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if is_bgzip(path):
        check_bgzip_end(path)
    try:
        vcf = VCF(str(path), lazy=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as VCF: {error}") from error
    if sample not in vcf.samples:
        near = difflib.get_close_matches(sample, vcf.samples, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(vcf.samples[:10]) or 'none'}"
        raise InputError(f"{path}: none of its {len(vcf.samples)} samples is called {sample!r}; {hint}")
    vcf.set_samples([sample])
    return vcf


def _records(vcf: VCF, path: Path, skipped: Skipped) -> Iterator[Variant]:
    """The records that can be read; the others are counted."""
    records, last, unreadable = iter(vcf), "the header", 0
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except Exception as error:  # cyvcf2 raises bare exceptions for malformed records
            unreadable += 1
            if unreadable == MAX_UNREADABLE:
                raise InputError(f"{path}: the file is damaged after {last}; get it again ({error})") from error
            skipped.add_unreadable(last)
            continue
        unreadable = 0
        last = f"{record.CHROM}:{record.POS}"
        yield record
