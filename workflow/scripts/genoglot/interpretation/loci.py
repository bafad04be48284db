"""Which loci are interpreted: regions, intervals of a BED, or windows around variants."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genoglot.errors import InputError, few
from genoglot.genome.bed import read_bed
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome
from genoglot.interpretation.region_text import Region, parse_region
from genoglot.variants.records import Record, open_variants

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Locus:
    """An interval of a contig, 0-based half-open, and the variants around which it lies, if it is a window of some."""

    contig: str
    start: int
    end: int
    variants: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As browsers write it: counted from 1, both ends inside."""
        return f"{self.contig}:{self.start + 1}-{self.end}"

    @property
    def length(self) -> int:
        return self.end - self.start

    def file_name(self, number: int) -> str:
        """The first part of the names of its files; `number` keeps apart what differs in other characters alone."""
        return f"{number:03d}_{re.sub(r'[^A-Za-z0-9._-]+', '_', self.contig)}_{self.start + 1}-{self.end}"


def read_loci(
    genome: Genome,
    names: Path | None,
    settings: Mapping[str, Any],
    bed: Path | None = None,
    variants: Path | None = None,
) -> list[Locus]:
    """The loci of an entry of the configuration's section `interpretation`, in the order given, each once.

    Args:
        genome: the tokenized genome.
        names: its `names.tsv`, if contigs may be called by other names.
        settings: `name` of the entry, for messages; `regions`, texts or None; `flank`, bases on either side of a
            variant; `max_loci`.
        bed, variants: what counts if there are no regions: a BED, or a VCF, BCF or table of variants.

    Raises:
        InputError: a region is no region, lies on a contig that the genome lacks or reaches past its end; no variant
            lies on the genome; or there are more loci than `max_loci`.
    """
    place, most = f"interpretation.{settings['name']}", settings["max_loci"]
    known = ContigNames.of(genome.contigs.index, names)
    if settings["regions"]:
        found = [_of_region(genome, known, text, f"{place}.regions") for text in settings["regions"]]
    elif bed is not None:
        table = read_bed(bed, genome.contigs.reset_index(), names)
        found = [Locus(row.contig, int(row.start), int(row.end)) for row in table.itertuples()]
        if not found:
            raise InputError(f"{bed}: all of its intervals lie on contigs that cleaning dropped from the genome")
    else:
        assert variants is not None
        found = list(_of_variants(genome, known, Path(variants), settings["flank"]))
    loci = _once(found)
    if len(loci) > most:
        source = bed or variants or f"{place}.regions"
        raise InputError(
            f"{source}: {len(loci):,} loci, and {place}.max_loci is {most}: name those to look at, or raise it; all "
            "bases of many regions are scored faster by a scan (docs/scans.md)"
        )
    return loci


def _of_region(genome: Genome, known: ContigNames, text: str, place: str) -> Locus:
    region = parse_region(text, place)
    [contig] = known.find([region.contig], f"{place}: {text}")
    length = int(genome.contigs.loc[contig, "length"])
    if region.end > length:
        raise InputError(f"{place}: {text} reaches past the end of {contig}, which has {length:,} bases")
    return Locus(contig, region.start, region.end)


def _of_variants(genome: Genome, known: ContigNames, path: Path, flank: int) -> Iterator[Locus]:
    """A window around each variant, cut at the ends of its contig; variants that lie on none are passed over."""
    missing: list[str] = []
    some = False
    for record in open_variants(path).records():
        contig = known.resolve(pd.Series([record.contig], dtype=object)).iloc[0]
        window = _around(genome, contig, record, flank) if isinstance(contig, str) and contig else None
        if window is None:
            missing.append(f"{record.contig}:{record.position + 1}")
            continue
        some = True
        label = f"{contig}:{record.position + 1} {record.ref}>{','.join(record.alts)}"
        yield Locus(window.contig, window.start, window.end, (label,))
    if missing:
        log.warning("%s: %d variants lie outside the genome: %s", path, len(missing), few(missing))
    if not some:
        raise InputError(f"{path}: none of its {len(missing)} variants lies on a contig of the genome")


def _around(genome: Genome, contig: str, record: Record, flank: int) -> Region | None:
    length = int(genome.contigs.loc[contig, "length"])
    end = record.position + max(1, len(record.ref))
    if record.position < 0 or end > length:
        return None
    return Region(contig, max(0, record.position - flank), min(length, end + flank))


def _once(loci: list[Locus]) -> list[Locus]:
    """Loci without those that come again; a window that several variants have names them all."""
    merged: dict[tuple[str, int, int], Locus] = {}
    for locus in loci:
        key = (locus.contig, locus.start, locus.end)
        before = merged[key].variants if key in merged else ()
        merged[key] = Locus(*key, tuple(dict.fromkeys((*before, *locus.variants))))
    return list(merged.values())
