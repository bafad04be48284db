"""How a head reads a pair of alleles: from what the network makes of either."""

import torch
from torch import Tensor, nn

from genoglot.examples.target import Target

DIFFERENCE, ALLELES = "difference", "alleles"


def pairing(paired: bool, target: Target, effect: str) -> str | None:
    """What of a pair a head reads: `DIFFERENCE` or `ALLELES` (see `PairFeatures`); None of single sequences.

    Classes and labels have no sign that swapped alleles could turn, so that they are always read from both alleles.
    """
    if not paired:
        return None
    return effect if target.kind == "values" else ALLELES


class PairFeatures(nn.Module):
    """What a linear layer reads of pairs: vectors (2 * pairs, dim), REF before ALT, to (pairs, width).

    `DIFFERENCE`: the vector of ALT less that of REF. A linear layer without a constant over it gives the opposite value
    when the alleles are swapped, and 0 for alleles that the network cannot tell apart, as an effect relative to REF has
    it, such as a log ratio of activities.

    `ALLELES`: how far the two differ, number by number, their difference, and the vector of REF: whether a variant
    does something depends on the size of the change and on where it happens, and not only on its direction.

    One base changes the mean over a window by little. Differences are therefore given in units of `spread`, a single
    number, so that signs and proportions stay; it belongs to the head's weights.
    """

    spread: Tensor

    def __init__(self, effect: str):
        super().__init__()
        self.signed = effect == DIFFERENCE
        self.register_buffer("spread", torch.ones(()))

    def width(self, dim: int) -> int:
        """How many numbers there are of a pair, of vectors of so many."""
        return dim if self.signed else 3 * dim

    def forward(self, vectors: Tensor) -> Tensor:
        reference, alternative = vectors.unflatten(0, (-1, 2)).unbind(1)
        difference = (alternative - reference) / self.spread
        if self.signed:
            return difference
        return torch.cat([difference.abs(), difference, reference], dim=1)

    def measure(self, vectors: Tensor) -> None:
        """Set `spread` to the root mean square of the differences of some pairs' vectors (2 * pairs, dim)."""
        differences = vectors[1::2] - vectors[::2]
        size = differences.square().mean().sqrt()
        self.spread.copy_(size if size > 0 else torch.ones(()))
