"""Alleles of any length compared as haplotypes, so that length alone moves nothing.

Each allele is put into the genome, and the log-probabilities of the bases of a stretch are added up: those of the
allele and of `flank` bases on either side, where a change is felt too. Of a causal model this is the log-likelihood
of the stretch given what is before it; of any other its pseudo-log-likelihood (Salazar et al. 2020,
arXiv:1910.14659), each base being hidden from its own prediction. Every base takes something off such a sum, so the
longer allele would lose whatever it says. The difference is therefore compensated: for each base that one allele has
more than the other, the mean log-probability of the flanking bases, which are the same in both, is taken off or
added. In sequence that the model finds as hard as the surroundings the expected ratio is zero whatever the lengths.

An insertion or deletion in a repeat can be written at several places. All bases between the first and the last of them
count as the allele's, so that neither the alignment nor the strand matters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from genoglot.corpus.markov import MarkovModel
from genoglot.genome.alleles import shifts
from genoglot.genome.store import CODE_MASK, N_CODE, Genome
from genoglot.model.inference import Predictor
from genoglot.variants.alleles import Edit

PASSES = 1 << 15  # windows of a batch held in memory at once
UNIFORM = float(np.log(0.25))

# base codes and chosen positions, both (windows, length), to log-probabilities by either strand, (2, chosen)
Read = Callable[[np.ndarray, np.ndarray], np.ndarray]


def longest_allele(window: int, most: int) -> int:
    """Most bases that an allele may have, so that a window holds it with its flanks."""
    return min(most, window // 2)


@dataclass(frozen=True)
class Haplotypes:
    """Sequences that differ from the genome in one interval each.

    `contig`, `start` and `end` (0-based half-open) say what is replaced, `new` holds the base codes instead, and
    `flank` how many bases on either side count; arrays (haplotypes,).
    """

    contig: np.ndarray
    start: np.ndarray
    end: np.ndarray
    new: list[np.ndarray]
    flank: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(codes) for codes in self.new], dtype=np.int64)

    def take(self, rows: np.ndarray) -> "Haplotypes":
        return Haplotypes(
            self.contig[rows], self.start[rows], self.end[rows], [self.new[row] for row in rows], self.flank[rows]
        )

    def windows(self, genome: Genome, size: int) -> np.ndarray:
        """Base codes of windows with the new bases in the middle, uint8 (haplotypes, size).

        What is left and right of them is of one length, so `size` and the number of new bases are both even or odd.
        """
        lengths = self.lengths[:, None]
        left = (size - lengths) // 2
        place = np.arange(size)
        after = place >= left + lengths
        position = np.where(after, self.end[:, None] + place - left - lengths, self.start[:, None] + place - left)
        codes = genome.at(self.contig, position)
        codes[(place >= left) & ~after] = np.concatenate(self.new) if self.new else []
        return codes


def pairs(
    genome: Genome, contigs: np.ndarray, edits: Sequence[Edit], window: int, flank: int | None
) -> tuple[Haplotypes, Haplotypes]:
    """The haplotypes with REF and with ALT of each edit; `flank` None: all that the window has."""
    lengths, offsets = (genome.contigs[name].to_numpy() for name in ("length", "offset"))
    starts, ends, references, alternatives = [], [], [], []
    for contig, edit in zip(contigs, edits, strict=True):
        bases = genome.bases[offsets[contig] : offsets[contig] + lengths[contig]]
        # an allele and the repeat around it take at most three quarters of the window
        most = (3 * window // 4 - max(edit.end - edit.start, len(edit.new))) // 2
        left, right = shifts(bases, edit.start, edit.end, edit.new, most)
        start, end = edit.start - left, edit.end + right
        before, after = bases[start : edit.start] & CODE_MASK, bases[edit.end : end] & CODE_MASK
        starts.append(start)
        ends.append(end)
        references.append(np.array(bases[start:end] & CODE_MASK))
        alternatives.append(np.concatenate([before, edit.new, after]))
    longest = np.array([max(map(len, both)) for both in zip(references, alternatives, strict=True)], dtype=np.int64)
    room = (window - 1 - longest) // 2
    flanks = np.minimum(room, flank) if flank is not None else room
    where = (np.asarray(contigs), np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
    return Haplotypes(*where, references, flanks), Haplotypes(*where, alternatives, flanks)


def pair_windows(
    genome: Genome, contigs: np.ndarray, edits: Sequence[Edit], window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Base codes of windows with REF and with ALT of each edit in the middle, uint8 (edits, 2, window), and where those
    with REF begin on their contigs, int64 (edits,)."""
    both = pairs(genome, contigs, edits, window, 0)
    codes = np.stack([one.windows(genome, window) for one in both], axis=1)
    return codes, both[0].start - (window - both[0].lengths) // 2


@dataclass(frozen=True)
class Sums:
    """Sums of log-probabilities (nats) by either strand, float64 (2, haplotypes): of the stretch, of its flanks alone.

    `bases` counts the flanking bases, int (haplotypes,): those that are not N.
    """

    stretch: np.ndarray
    flanks: np.ndarray
    bases: np.ndarray


def ratios(reference: Haplotypes, alternative: Haplotypes, of_reference: Sums, of_alternative: Sums) -> np.ndarray:
    """Compensated log-likelihood ratios ALT - REF (nats) by either strand, float64 (2, edits)."""
    bases = of_reference.bases + of_alternative.bases
    known = np.where(bases > 0, (of_reference.flanks + of_alternative.flanks) / np.maximum(bases, 1), UNIFORM)
    more = alternative.lengths - reference.lengths
    return of_alternative.stretch - of_reference.stretch - more * known


def model_sums(predictor: Predictor, genome: Genome, haplotypes: Haplotypes, exact: bool) -> Sums:
    """Sums by a model.

    A masked model has the stretch hidden in turns, so many bases at once as its training hid, as far apart as that
    allows; with `exact` one base at a time.
    """

    one_by_one = exact and predictor.model.kind == "masked"
    turns = None if one_by_one else int(np.ceil(1 / predictor.hidden_share))
    return _sums(predictor.strand_truth, genome, haplotypes, predictor.window, turns)


def markov_sums(chain: MarkovModel, genome: Genome, haplotypes: Haplotypes, window: int) -> Sums:
    """Sums by a Markov chain that sees both sides of each base; the strands agree."""

    def read(codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        values = chain.log_probabilities(codes, "both")[chosen]
        true = np.take_along_axis(values, codes[chosen][:, None].astype(np.int64), axis=1)[:, 0]
        return np.stack([true, true])

    return _sums(read, genome, haplotypes, window, 1)


def _sums(read: Read, genome: Genome, haplotypes: Haplotypes, window: int, turns: int | None) -> Sums:
    """Sums of what `read(codes, chosen)` says, float32 (2, chosen), of windows whose stretch is chosen in turns.

    `turns` None: as many as the stretch has bases.
    """
    number = len(haplotypes.new)
    stretch, flanks, bases = np.zeros((2, number)), np.zeros((2, number)), np.zeros(number, dtype=np.int64)
    span = haplotypes.lengths + 2 * haplotypes.flank
    passes = span if turns is None else np.minimum(span, turns)
    # windows of both sizes, so that the same number of bases is on either side
    odd = (window - haplotypes.lengths) % 2
    for size in (window, window - 1):
        alike = np.flatnonzero(odd == window - size)
        ends = np.cumsum(passes[alike])
        groups = np.searchsorted(ends, np.arange(0, ends[-1] if len(ends) else 0, PASSES), side="left")
        for rows in np.split(alike, groups[1:]):
            if len(rows):
                part = haplotypes.take(rows)
                values = _read(read, genome, part, size, passes[rows])
                stretch[:, rows], flanks[:, rows], bases[rows] = values
    return Sums(stretch, flanks, bases)


def _read(
    read: Read, genome: Genome, haplotypes: Haplotypes, size: int, passes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`_sums` of haplotypes whose windows are of one size, each read in so many passes."""
    number = len(haplotypes.new)
    owner = np.repeat(np.arange(number), passes)
    turn = np.arange(len(owner)) - np.repeat(np.cumsum(passes) - passes, passes)
    codes = haplotypes.windows(genome, size)[owner]
    lengths, flank = haplotypes.lengths[owner, None], haplotypes.flank[owner, None]
    left = (size - lengths) // 2
    place = np.arange(size) - (left - flank)
    inside = (place >= 0) & (place < lengths + 2 * flank)
    chosen = inside & (place % passes[owner, None] == turn[:, None]) & (codes < N_CODE)
    values = read(codes, chosen).astype(np.float64)
    window, at = np.nonzero(chosen)
    of = owner[window]
    flanking = ~((place >= flank) & (place < flank + lengths))[window, at]
    stretch = np.stack([np.bincount(of, weights=strand, minlength=number) for strand in values])
    flanks = np.stack([np.bincount(of, weights=strand * flanking, minlength=number) for strand in values])
    return stretch, flanks, np.bincount(of[flanking], minlength=number)
