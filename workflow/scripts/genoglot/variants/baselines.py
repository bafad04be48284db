"""What a model's scores are held against, on the very same variants: a Markov chain, mutation rates, conservation."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig

from genoglot.errors import InputError, few
from genoglot.genome.alleles import trim
from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.names import ContigNames
from genoglot.genome.store import BASES, CODE_MASK, COMPLEMENT, Genome
from genoglot.variants.strata import NEUTRAL, RegionTable

log = logging.getLogger(__name__)

# Column of each baseline, and the sign that makes a low value speak for a variant that matters, as a model's does.
BASELINES = {
    "markov": ("markov_llr", 1.0),
    "trinucleotide": ("trinucleotide", 1.0),
    "conservation": ("conservation", -1.0),
}

# Folds of mutation rates: blocks of the genome by turns, so that no variant has a part in its own rate.
FOLDS = 10
BLOCK = 10_000
# Rates of the 96 kinds of mutation need several variants each.
FEWEST_FOR_RATES = 1000

# A bigWig is read in stretches around variants; gaps from this length on are passed over.
GAP = 4096
STRETCH = 1 << 20


def changed_bases(position: np.ndarray, ref: np.ndarray, alt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last + 1 reference base that a variant changes, int64 (variants,) each, 0-based half-open.

    What REF and ALT share at their ends is left out. Of an insertion the interval is empty and lies where the bases
    go in. Symbolic alleles change nothing that could be told.
    """
    starts, ends = position.astype(np.int64), position.astype(np.int64)
    for row, (before, after) in enumerate(zip(ref, alt, strict=True)):
        if len(before) == len(after) == 1:
            ends[row] += 1
        elif after.isalpha():
            place = int(position[row])
            starts[row], ends[row], _ = trim(place, before.upper().encode(), after.upper().encode())
    return starts, ends


@dataclass(frozen=True)
class Substitutions:
    """Kinds of single-base changes by 3-mer context, of both strands alike: 96 kinds in 192 numbers.

    Attributes:
        kind: int64 (variants,), number of the change; -1 for what is no SNV, or next to N or a contig's end.
        fold: int64 (variants,).
    """

    kind: np.ndarray
    fold: np.ndarray

    @classmethod
    def of(cls, genome: Genome, frame: pd.DataFrame) -> "Substitutions":
        """Of variants with columns contig, pos (0-based), ref, alt."""
        position = frame["pos"].to_numpy(dtype=np.int64)
        number = genome.contig_numbers(frame["contig"])
        ref, alt = (
            frame[name].str.upper().map({base: code for code, base in enumerate(BASES[:4])}).fillna(-1).to_numpy(int)
            for name in ("ref", "alt")
        )
        kind = np.full(len(frame), -1)
        rows = np.flatnonzero((number >= 0) & (ref >= 0) & (alt >= 0) & (ref != alt))
        context = genome.windows(number[rows], position[rows] - 1, 3)
        kmer, known = kmer_numbers(context, 3)
        known = known[:, 0] & (context[:, 1] == ref[rows])
        kind[rows[known]] = folded(kmer[known, 0], alt[rows[known]])
        return cls(kind, fold_of(position))


def fold_of(position: np.ndarray) -> np.ndarray:
    return position // BLOCK % FOLDS


def folded(kmer: np.ndarray, alt: np.ndarray) -> np.ndarray:
    """Number of a change of the middle base of a 3-mer, the same as of its reverse complement."""
    kmer = np.asarray(kmer, dtype=np.int64)
    purine = np.isin(kmer // 4 % 4, (0, 2))
    turned = COMPLEMENT[kmer % 4] * 16 + COMPLEMENT[kmer // 4 % 4] * 4 + COMPLEMENT[kmer // 16]
    return np.where(purine, turned * 4 + COMPLEMENT[alt], kmer * 4 + alt)


def trinucleotide_rates(genome: Genome, frame: pd.DataFrame, regions: RegionTable) -> tuple[np.ndarray, str | None]:
    """Logarithm of the rate at which each SNV's kind of change is found in neutral sequence; and why there is none.

    A kind is the base, its two neighbours and the new base, both strands alike. Its rate is the number of different
    SNVs of that kind in the set that lie in `NEUTRAL` regions, for each such site there, on the contigs that have
    variants. The genome is divided into blocks that belong to ten folds by turns, and a variant's rate comes from the
    nine others, so that neither it nor its neighbours have a part in it. One variant at the mean rate is added to each.

    Returns:
        float64 (variants,), NaN where it is no SNV; and None, or in words why no rate is known and all are NaN.
    """
    found = Substitutions.of(genome, frame)
    distinct = ~frame.duplicated(["contig", "pos", "ref", "alt"]).to_numpy()
    neutral = np.isin(regions.classes(frame["contig"], frame["pos"].to_numpy()), NEUTRAL)
    fitted = (found.kind >= 0) & distinct & neutral
    unknown = np.full(len(frame), np.nan)
    if fitted.sum() < FEWEST_FOR_RATES:
        return unknown, (
            f"{fitted.sum()} SNVs of the set lie in neutral regions ({', '.join(NEUTRAL)}), and {FEWEST_FOR_RATES} are "
            "needed"
        )
    counts = np.bincount(found.fold[fitted] * 256 + found.kind[fitted], minlength=FOLDS * 256).reshape(FOLDS, 64, 4)
    sites = _neutral_sites(genome, regions, frame.loc[fitted, "contig"].unique())[:, :, None]
    counts, sites = counts.sum(axis=0) - counts, sites.sum(axis=0) - sites
    changes = 3 * sites.sum(axis=(1, 2), keepdims=True)
    mean = counts.sum(axis=(1, 2), keepdims=True) / changes
    if (mean <= 0).any():
        return unknown, "the neutral SNVs of the set lie in one place"
    rates = np.log((counts + 1) / (sites + 1 / mean)).reshape(FOLDS, 256)
    return np.where(found.kind >= 0, rates[found.fold, np.maximum(found.kind, 0)], np.nan), None


def _neutral_sites(genome: Genome, regions: RegionTable, contigs: np.ndarray) -> np.ndarray:
    """Bases in neutral regions by fold and folded 3-mer context, int64 (FOLDS, 64)."""
    counts = np.zeros(FOLDS * 64, dtype=np.int64)
    for contig in contigs:
        bases = genome.contig(contig)
        for start, end in regions.intervals(contig, NEUTRAL):
            for begin in range(max(start, 1), min(end, len(bases) - 1), STRETCH):
                stop = min(begin + STRETCH, end, len(bases) - 1)
                kmer, known = kmer_numbers(bases[begin - 1 : stop + 1] & CODE_MASK, 3)
                fold = fold_of(np.arange(begin, stop))[known]
                # the new base has no part in which of the two strands counts
                context = folded(kmer[known], np.zeros(known.sum(), dtype=np.int64)) // 4
                counts += np.bincount(fold * 64 + context, minlength=len(counts))
    return counts.reshape(FOLDS, 64)


def conservation(path: str | Path, genome: Genome, names: ContigNames, frame: pd.DataFrame) -> np.ndarray:
    """Value of a bigWig at each variant, float64 (variants,): the mean over the bases that it changes.

    An insertion has the mean of the two bases that it parts. NaN where the bigWig has no value, and for symbolic
    alleles. Contigs are called as in the genome or by another of their names.

    Raises:
        InputError: it is no bigWig, has none of the genome's contigs, or one of another length.
    """
    starts, ends = changed_bases(*(frame[name].to_numpy() for name in ("pos", "ref", "alt")))
    told = frame["alt"].str.isalpha().to_numpy(dtype=bool)
    inserted = told & (starts == ends)
    starts, ends = starts - inserted, ends + inserted
    result = np.full(len(frame), np.nan)
    with _open(path) as bigwig:
        called = _contigs(path, bigwig, genome, names)
        for contig, rows in frame[told].groupby("contig", sort=False).indices.items():
            if contig in called:
                rows = np.flatnonzero(told)[rows]
                length = int(genome.contigs.at[contig, "length"])
                low, high = starts[rows].clip(0, length), ends[rows].clip(0, length)
                result[rows] = _means(bigwig, called[contig], low, high)
    return result


def _open(path: str | Path):
    try:
        bigwig = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise InputError(
            f"{path}: this cannot be read as bigWig ({error}); give phyloP or phastCons as bigWig"
        ) from None
    if not bigwig.isBigWig():
        bigwig.close()
        raise InputError(f"{path}: this is a bigBed, expected a bigWig of phyloP or phastCons")
    return bigwig


def _contigs(path: str | Path, bigwig, genome: Genome, names: ContigNames) -> dict[str, str]:
    """What the bigWig calls each of the genome's contigs that it has."""
    lengths = bigwig.chroms()
    resolved = names.resolve(pd.Series(list(lengths), dtype=object))
    called = {contig: name for name, contig in zip(lengths, resolved, strict=True) if contig in genome.contigs.index}
    if not called:
        raise InputError(
            f"{path}: it has no contig of the genome. bigWig: {few(lengths)}. Genome: {few(genome.contigs.index)}. "
            "Give the track of this assembly, or its names in the column `aliases` of the sheet of genomes"
        )
    for contig, name in called.items():
        if lengths[name] != (length := int(genome.contigs.at[contig, "length"])):
            raise InputError(
                f"{path}: contig {name} has {lengths[name]} bases, and {contig} of the genome {length}; the track is "
                "of another assembly"
            )
    return called


def _means(bigwig, name: str, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Mean of the values that there are in each interval, float64; NaN where there is none."""
    order = np.argsort(starts, kind="stable")
    low, high = starts[order], np.maximum.accumulate(ends[order])
    result = np.full(len(starts), np.nan)
    cuts = np.flatnonzero((low[1:] > high[:-1] + GAP) | (low[1:] // STRETCH > low[:-1] // STRETCH)) + 1
    for rows in np.split(order, cuts):
        begin, stop = int(starts[rows].min()), int(ends[rows].max())
        if stop <= begin:
            continue
        values = bigwig.values(name, begin, stop, numpy=True).astype(np.float64)
        known = np.isfinite(values)
        sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
        sizes = np.concatenate([[0], np.cumsum(known)])
        first, last = starts[rows] - begin, ends[rows] - begin
        size = sizes[last] - sizes[first]
        result[rows] = np.where(size > 0, (sums[last] - sums[first]) / np.maximum(size, 1), np.nan)
    return result
