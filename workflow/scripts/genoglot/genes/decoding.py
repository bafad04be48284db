"""The likeliest genes, given what a network says of each base: a hidden Markov model over the states of genes.

What the network says of a base are posterior probabilities; divided by how frequent the classes are they stand for the
likelihoods of a hidden Markov model (Bourlard & Morgan 1994, doi:10.1007/978-1-4615-3210-1). The path is Viterbi's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np

from genoglot.genes.labels import INTERGENIC
from genoglot.genes.states import IMPOSSIBLE, STATES, Rates, classes_of_states, coding, signals, ways
from genoglot.genome.intervals import runs_of

SMALLEST = 1e-6  # probabilities below it count as it
EDGE = np.log(0.05)  # what a gene costs that reaches over the end of a sequence


@dataclass(frozen=True)
class Gene:
    """The coding part of a gene.

    Attributes:
        start, end: of all of it, 0-based half-open.
        strand: `+` or `-`.
        exons: its coding parts, int64 (exons, 2), ascending.
        phases: of each, as GFF3 has them: bases to take off before a whole codon begins.
        score: mean probability of its coding bases.
        whole: whether it begins and ends inside the sequence.
    """

    start: int
    end: int
    strand: str
    exons: np.ndarray
    phases: tuple[int, ...]
    score: float
    whole: bool

    def moved(self, by: int) -> "Gene":
        """The same gene where the sequence is part of a longer one, so many bases from its start."""
        return replace(self, start=self.start + by, end=self.end + by, exons=self.exons + by)


@dataclass(frozen=True)
class Decoder:
    """Makes genes of probabilities.

    Attributes:
        names: of the classes of bases.
        shares: of the classes among training bases.
        rates: of genes and introns among training bases.
        weight: of a base's probabilities; below 1, since neighbours say the same thing.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]
    rates: Rates
    weight: float = 1.0

    @classmethod
    def of(cls, truth: np.ndarray, names: tuple[str, ...]) -> "Decoder":
        """Of the classes of bases of training windows, (windows, bases), negative where not known."""
        counts = np.bincount(truth[truth >= 0].astype(np.int64), minlength=len(names)) + 1.0
        return cls(names, tuple((counts / counts.sum()).tolist()), Rates.of(truth, names))

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> "Decoder":
        """What `describe` described."""
        return cls(tuple(about["names"]), tuple(about["shares"]), Rates(**about["rates"]), about["weight"])

    def describe(self) -> dict[str, Any]:
        return {
            "names": list(self.names), "shares": list(self.shares), "rates": self.rates.describe(),
            "weight": self.weight,
        }  # fmt: skip

    def states(self, codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """The likeliest state of each base, uint8 (bases,).

        Args:
            codes: base codes, uint8 (bases,), without soft-mask bits.
            probabilities: of the classes, float32 (bases, names).
        """
        before, needs = ways()
        return _viterbi(self._emissions(probabilities), signals(codes, self.rates), before, needs, np.float32(EDGE))

    def _emissions(self, probabilities: np.ndarray) -> np.ndarray:
        """Weighted log ratios of the probabilities and shares of the states' classes, float32 (bases, STATES).

        What is outside of coding parts and introns is intergenic; without a class of its own a splice site is an
        intron, and introns that no class is for are impossible.
        """
        place = {name: number for number, name in enumerate(self.names)}
        emissions = np.full((len(probabilities), STATES), IMPOSSIBLE, dtype=np.float32)
        for state, name in enumerate(classes_of_states()):
            strand = name.rpartition("_")[2]
            if name == INTERGENIC:
                columns = [number for other, number in place.items() if other == name or other.startswith("UTR")]
            else:
                columns = [place[each] for each in (name, f"intron_{strand}") if each in place][:1]
            if columns:
                share = sum(self.shares[column] for column in columns)
                likely = probabilities[:, columns].sum(axis=1)
                emissions[:, state] = self.weight * np.log(np.maximum(likely, SMALLEST) / share)
        return emissions

    def genes(self, codes: np.ndarray, probabilities: np.ndarray) -> Iterator[Gene]:
        """The genes of a sequence, by their start; arguments as of `states`."""
        states = self.states(codes, probabilities)
        for start, end in runs_of(states > 0).tolist():
            yield self._gene(start, states[start:end], probabilities, len(codes))

    def _gene(self, start: int, states: np.ndarray, probabilities: np.ndarray, length: int) -> Gene:
        strand = int(states[0] >= coding(1, 0))
        first = coding(strand, 0)
        place = states.astype(np.int64) - first
        codes_for = (place >= 0) & (place < 3)
        exons = runs_of(codes_for)
        heads = exons[:, 0] if strand == 0 else exons[:, 1] - 1
        column = self.names.index("CDS_minus" if strand else "CDS_plus")
        bases = start + np.flatnonzero(codes_for)
        end = start + len(states)
        return Gene(
            start,
            end,
            "-" if strand else "+",
            exons + start,
            tuple(((3 - place[heads]) % 3).tolist()),
            float(probabilities[bases, column].mean()) if len(bases) else 0.0,
            start > 0 and end < length,
        )


@numba.njit
def _viterbi(
    emissions: np.ndarray, cost: np.ndarray, before: np.ndarray, needs: np.ndarray, edge: np.float32
) -> np.ndarray:
    """The path of states with the largest sum of emissions and of the costs of ways, uint8 (bases,).

    It may begin and end in any state but the first at the price `edge`.
    """
    length, states = emissions.shape
    came = np.zeros((length, states), dtype=np.uint8)
    score = np.empty(states, dtype=np.float64)
    path = np.zeros(length, dtype=np.uint8)
    if length == 0:
        return path
    for state in range(states):
        score[state] = emissions[0, state] + (0.0 if state == 0 else edge)
    following = np.empty(states, dtype=np.float64)
    for base in range(1, length):
        for state in range(states):
            best, kept = -1e300, 0
            for way in range(before.shape[1]):
                other = before[state, way]
                if other < 0:
                    break
                value = score[other] + cost[base, needs[state, way]]
                if value > best:
                    best, kept = value, other
            following[state] = best + emissions[base, state]
            came[base, state] = kept
        score, following = following, score
    last = 0
    for state in range(1, states):
        if score[state] + edge > score[last] + (0.0 if last == 0 else edge):
            last = state
    for base in range(length - 1, -1, -1):
        path[base] = last
        last = came[base, last]
    return path
