"""The states of a gene, read base by base along a contig, and what leads from one to another.

States are intergenic, and for each strand the three bases of a codon and, for each of them, an intron that begins
after it: its donor, its inside and its acceptor. Genes on the strand - are met from their last base on. A gene begins
with ATG and ends with the first stop in frame; an intron begins with GT and ends with AG. A stop that an intron divides
is not seen.
"""

from dataclasses import asdict, dataclass

import numpy as np

from genoglot.genes.labels import INTERGENIC, MINUS, PLUS
from genoglot.genome.store import COMPLEMENT

IMPOSSIBLE = np.float32(-1e30)
STATES = 25
MOST = 3  # ways into a state
# shares of all codons and of all pairs of bases
CODON, PAIR = 1 / 64, 1 / 16

# signals, each of a base: those of + and those of -, which are met the other way round
(
    FREE, START, GO_ON, STOP, DONOR, INSIDE, ACCEPTOR, NO_STOP,
    R_STOP, R_GO_ON, R_START, R_ACCEPTOR, R_DONOR, R_NO_STOP,
) = range(14)  # fmt: skip
SIGNALS = 14


def coding(strand: int, place: int) -> int:
    """State of a base of a codon; strand 0 is +, place 0 to 2 from the codon's start."""
    return 1 + 12 * strand + place


def intron(strand: int, place: int, part: int) -> int:
    """State of an intron after a base of a codon, in the direction of the gene; part 0 is its donor, 1 its inside, 2
    its acceptor."""
    return 4 + 12 * strand + 3 * place + part


def classes_of_states() -> list[str]:
    """The class of bases (`genoglot.genes.labels`) of each state."""
    names = [INTERGENIC] * STATES
    for strand, word in enumerate((PLUS, MINUS)):
        for place in range(3):
            names[coding(strand, place)] = f"CDS_{word}"
            for part, feature in enumerate(("donor", "intron", "acceptor")):
                names[intron(strand, place, part)] = f"{feature}_{word}"
    return names


def ways() -> tuple[np.ndarray, np.ndarray]:
    """The states before each state, and the signal that each way needs: int64 (STATES, MOST), -1 where there are
    fewer."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(STATES)]
    found[0] = [(0, FREE), (coding(0, 2), STOP), (coding(1, 0), R_START)]
    for place in range(3):
        after = (place + 1) % 3
        # on +, a codon's next base, or an intron after the base
        into = [(coding(0, place), GO_ON if after == 0 else FREE), (intron(0, place, 2), FREE)]
        found[coding(0, after)] = into
        found[intron(0, place, 0)] = [(coding(0, place), DONOR if place < 2 else NO_STOP)]
        # on -, the base before it, or an intron that ends, in the gene's direction, before it
        found[coding(1, place)] = [
            (coding(1, after), R_GO_ON if place == 2 else FREE),
            (intron(1, place, 0), R_NO_STOP if place == 2 else FREE),
        ]
        found[intron(1, place, 2)] = [(coding(1, after), R_ACCEPTOR)]
        for strand, (first, last) in enumerate(((0, 2), (2, 0))):
            inside = intron(strand, place, 1)
            found[inside] = [(intron(strand, place, first), FREE), (inside, INSIDE)]
            found[intron(strand, place, last)] = [(inside, ACCEPTOR if strand == 0 else R_DONOR)]
    found[coding(0, 0)].append((0, START))
    found[coding(1, 2)].append((0, R_STOP))
    before, needs = (np.full((STATES, MOST), -1, dtype=np.int64) for _ in range(2))
    for state, entries in enumerate(found):
        for number, (other, signal) in enumerate(entries):
            before[state, number], needs[state, number] = other, signal
    return before, needs


@dataclass(frozen=True)
class Rates:
    """How often what happens, of training bases: genes to an intergenic base, introns to a coding base and to one of an
    intron."""

    genes_per_intergenic: float
    introns_per_coding: float
    introns_per_intron: float

    @classmethod
    def of(cls, truth: np.ndarray, names: tuple[str, ...]) -> "Rates":
        """Of the classes of bases of windows, (windows, bases); half an event is added to each count."""
        size = len(names)
        left, right = truth[:, :-1].ravel().astype(np.int64), truth[:, 1:].ravel().astype(np.int64)
        known = (left >= 0) & (right >= 0)
        pairs = np.bincount(left[known] * size + right[known], minlength=size**2).reshape(size, size)
        of = {feature: [n for n, name in enumerate(names) if name.startswith(feature)]
              for feature in ("intergenic", "UTR", "CDS", "intron", "donor", "acceptor")}  # fmt: skip
        outside, introns = of["intergenic"] + of["UTR"], of["intron"] + of["donor"] + of["acceptor"]
        genes = pairs[np.ix_(outside, of["CDS"])].sum() + 0.5
        cut = pairs[np.ix_(of["CDS"], introns)].sum() + 0.5
        bases = [max(1, pairs[rows].sum()) for rows in (outside, of["CDS"], introns)]
        return cls(float(genes / bases[0]), float(cut / bases[1]), float(cut / bases[2]))

    def describe(self) -> dict[str, float]:
        return asdict(self)


def signals(codes: np.ndarray, rates: Rates) -> np.ndarray:
    """What each way costs at each base: float32 (bases, SIGNALS), logarithms of probabilities.

    What is rare and needs a signal is as much likelier at one as signals are rare. A gene pays at its ATG, and an
    intron at its donor and its acceptor, on whichever strand they are, so that either strand has the same genes.

    Args:
        codes: base codes, uint8 (bases,), without soft-mask bits.
    """
    own, other = _Words(codes), _Words(COMPLEMENT[codes[::-1]])
    begin = min(0.9, rates.genes_per_intergenic / 2 / CODON)
    cut, joined = min(0.9, rates.introns_per_coding / PAIR), min(0.9, rates.introns_per_intron / PAIR)
    cost = np.full((len(codes), SIGNALS), IMPOSSIBLE, dtype=np.float32)
    cost[:, FREE] = 0
    cost[:, INSIDE] = 0
    # of +: words that begin at a base, or that end just before it
    cost[own.begins("ATG"), START] = np.log(begin)
    ended = own.ended("TAA", "TAG", "TGA")
    cost[ended, STOP], cost[~ended, GO_ON] = 0, 0
    donor = own.begins("GT")
    cost[donor, DONOR], cost[donor & ~ended, NO_STOP] = np.log(cut), np.log(cut)
    cost[own.ends("AG"), ACCEPTOR] = np.log(joined)
    # of -: the words of the other strand, whose beginning is here their end
    stop = other.ends("TAA", "TAG", "TGA")[::-1]
    cost[stop, R_STOP] = 0
    started = np.roll(other.begins("ATG")[::-1], 1)
    started[:1] = False
    cost[started, R_START] = np.log(begin)
    cost[~stop, R_GO_ON], cost[~stop, R_NO_STOP] = 0, 0
    cost[other.ends("AG")[::-1], R_ACCEPTOR] = np.log(joined)
    cost[other.begins("GT")[::-1], R_DONOR] = np.log(cut)
    return cost


class _Words:
    """Where words lie in a sequence."""

    def __init__(self, codes: np.ndarray):
        self.codes = codes

    def begins(self, *words: str) -> np.ndarray:
        """At which bases one of the words begins, bool (bases,)."""
        found = np.zeros(len(self.codes), dtype=bool)
        for word in words:
            places = max(0, len(self.codes) - len(word) + 1)
            here = np.ones(places, dtype=bool)
            for shift, letter in enumerate(word):
                here &= self.codes[shift : shift + places] == "ACGT".index(letter)
            found[:places] |= here
        return found

    def ends(self, *words: str) -> np.ndarray:
        """At which bases one of the words, all of one length, ends."""
        found = np.roll(self.begins(*words), len(words[0]) - 1)
        found[: len(words[0]) - 1] = False
        return found

    def ended(self, *words: str) -> np.ndarray:
        """At which bases one of the words has ended with the base before."""
        found = np.roll(self.ends(*words), 1)
        found[:1] = False
        return found
