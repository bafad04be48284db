"""Nucleotide dependency maps: how a change of one base moves the prediction of another.

The measure is that of Tomaz da Silva et al. 2025, "Nucleotide dependency analysis of genomic language models detects
functional elements" (doi:10.1038/s41588-025-02347-3): the dependency of a target j on a base i is the largest
|log2 odds ratio| of any base at j, over the three alternatives at i,

    e(i, j) = max over alt, k of | log2( odds(n_j = k | n_i = alt) / odds(n_j = k | n_i = ref) ) |.

It is not symmetric. The same of proteins is the categorical Jacobian (Zhang et al. 2024,
doi:10.1073/pnas.2406285121). How targets are read depends on the kind of model:

cloze
    A base never sees itself, so all targets are read in one pass for each change.
masked
    Targets are hidden by mask tokens, and take turns, so that no more is hidden at once than in training: every seventh
    in a pass where 15% were. What is hidden beside a target is the same before and after the change, and the changed
    base is never hidden. (The code of that paper leaves targets unhidden; of k-mers that overlap this would be no
    prediction.)
causal
    A base is predicted from those before it. Targets after the change are read on the given strand, targets before it
    on the other.

The two strands' log-probabilities are averaged before odds are taken, but for causal models.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genoglot.genome.store import N_CODE, Genome, reverse_complement
from genoglot.interpretation.loci import Locus
from genoglot.model.inference import Predictor
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import has_tables

Tables = Callable[[np.ndarray, np.ndarray], np.ndarray]


def why_no_map(model: LanguageModel, length: int, longest: int) -> str | None:
    """Why a locus of so many bases has no map by a model, in words; None if it has one.

    `longest` is the limit of the configuration: the passes of the model are as many as the bases, or several times as
    many, and the pairs as many as their square.
    """
    if longest == 0:
        return "none was asked for (map_length: 0)"
    if not has_tables(model):
        return "the model's tokens have no probabilities of single bases"
    if length > longest:
        return f"the locus has {length:,} bases, and map_length is {longest:,}"
    if not model.any_length and length > model.window - 2 * margin(model):
        return (
            f"the locus has {length:,} bases, and the model reads windows of {model.window:,}, of which a quarter on "
            "either side is left for context"
        )
    return None


def margin(model: LanguageModel) -> int:
    """Bases of context on either side of a locus, at least: a quarter of a window, as scores of variants have it."""
    return model.window // 4


def dependency_map(predictor: Predictor, genome: Genome, locus: Locus) -> np.ndarray:
    """The map of a locus, float32 (length, length): row i is the changed base, column j the target, values in bits.

    NaN on the diagonal, and in the rows and columns of bases that are N.

    Args:
        predictor, genome: of the model and the tokenized genome.
        locus: one for which `why_no_map` has no reason.
    """
    model = predictor.model
    size = max(model.window, locus.length + 2 * margin(model)) if model.any_length else model.window
    codes, place = window_around(genome, locus, size)
    size = len(codes)
    layout = _Layout(codes, place, locus.length, turns(predictor), model.kind == "masked")
    if model.kind != "causal":
        changes = _changes(predictor, layout, lambda *read: predictor.strand_tables(*read).mean(axis=0))
    else:
        changes = _changes(predictor, layout, lambda *read: predictor.strand_tables(*read)[0])
        mirror = _Layout(reverse_complement(codes), size - place - locus.length, locus.length, 1, hides=False)
        other = _changes(predictor, mirror, lambda *read: predictor.strand_tables(*read)[0])[::-1, ::-1]
        changes = np.where(np.tri(locus.length, dtype=bool), other, changes)
    unknown = ~layout.known
    changes[unknown] = changes[:, unknown] = np.nan
    np.fill_diagonal(changes, np.nan)
    return changes.astype(np.float32)


def window_around(genome: Genome, locus: Locus, size: int) -> tuple[np.ndarray, int]:
    """Base codes of a window with a locus in its middle, uint8 (size,), and where in it the locus begins.

    The window has `size` bases, or one less, so that as many are before the locus as after it and strands are alike; N
    beyond the ends of a contig.
    """
    size -= (size - locus.length) % 2
    place = (size - locus.length) // 2
    contig = genome.contig_numbers(np.array([locus.contig]))
    return genome.windows(contig, np.array([locus.start - place]), size)[0], place


def turns(predictor: Predictor) -> int:
    """How many passes the targets of a change take, so that no larger share of them is hidden than in training."""
    return math.ceil(1 / predictor.hidden_share) if predictor.model.kind == "masked" else 1


class _Pass(NamedTuple):
    """Which turn of targets is read, which base of the locus is replaced (-1: none), and by what code."""

    turn: int
    base: int
    code: int


@dataclass(frozen=True)
class _Layout:
    """A window with a locus in it.

    `codes` are base codes, uint8 (size,); the locus has `length` bases from `place` on; targets take `turns`, and
    `hides` says that they are hidden by mask tokens.
    """

    codes: np.ndarray
    place: int
    length: int
    turns: int
    hides: bool

    @property
    def known(self) -> np.ndarray:
        """Which bases of the locus are not N, boolean (length,)."""
        return self.codes[self.place : self.place + self.length] < N_CODE

    def lacks(self, turn: int, base: int) -> bool:
        """Whether a base, if it is changed, must not be hidden as it would be in a turn."""
        return self.hides and base >= 0 and base % self.turns == turn

    def passes(self) -> Iterator[_Pass]:
        """What is read: each turn of targets with each change, and as it is, each with the same bases hidden."""
        for turn in range(min(self.turns, self.length)):
            yield _Pass(turn, -1, -1)
            for base in np.flatnonzero(self.known).tolist():
                reference = int(self.codes[self.place + base])
                own = self.lacks(turn, base)
                others = [code for code in range(N_CODE) if own or code != reference]
                yield from (_Pass(turn, base, code) for code in others)

    def write(self, passes: list[_Pass]) -> tuple[np.ndarray, np.ndarray]:
        """Base codes and chosen positions of passes, both (passes, size)."""
        codes = np.tile(self.codes, (len(passes), 1))
        chosen = np.zeros(codes.shape, dtype=bool)
        for row, (turn, base, code) in enumerate(passes):
            chosen[row, self.place + turn : self.place + self.length : self.turns] = True
            if base >= 0:
                codes[row, self.place + base] = code
                chosen[row, self.place + base] &= not self.hides
        return codes, chosen


def _changes(predictor: Predictor, layout: _Layout, tables: Tables) -> np.ndarray:
    """The largest |log2 odds ratio| for each pair of a changed base and a target, float64 (length, length).

    `tables` gives log-probabilities (chosen, 4) of codes and chosen positions.
    """
    largest = np.zeros((layout.length, layout.length))
    # by turn, of the sequence as it is; and by base, of a turn that lacks that base
    references: dict[tuple[int, int], np.ndarray] = {}
    waiting = list(layout.passes())
    # what others are compared with comes first
    waiting.sort(key=lambda one: not _is_reference(layout, one))
    batches = [waiting[at : at + predictor.batch_size] for at in range(0, len(waiting), predictor.batch_size)]

    def read(batch: list[_Pass]) -> list[np.ndarray]:
        codes, chosen = layout.write(batch)
        values = log2_odds(tables(codes, chosen))
        return np.split(values, np.cumsum(chosen.sum(axis=1))[:-1])

    for batch, found in zip(batches, predictor.map(read, batches), strict=True):
        for one, odds in zip(batch, found, strict=True):
            own = layout.lacks(one.turn, one.base)
            key = (one.turn, one.base if own else -1)
            if _is_reference(layout, one):
                references[key] = odds
                continue
            targets = np.arange(one.turn, layout.length, layout.turns)
            targets = targets[targets != one.base] if own else targets
            moved = np.abs(odds - references[key]).max(axis=1, initial=0)
            largest[one.base, targets] = np.maximum(largest[one.base, targets], moved)
    return largest


def _is_reference(layout: _Layout, one: _Pass) -> bool:
    """Whether a pass reads the sequence as it is."""
    return one.base < 0 or one.code == layout.codes[layout.place + one.base]


def log2_odds(log_probabilities: np.ndarray) -> np.ndarray:
    """log2 of the odds of each of four bases, float64 (..., 4), from log-probabilities (nats) up to a constant."""
    values = log_probabilities.astype(np.float64)
    others = [np.logaddexp.reduce(np.delete(values, base, axis=-1), axis=-1) for base in range(N_CODE)]
    return (values - np.stack(others, axis=-1)) / math.log(2)
