"""Held-out sequence during training: a fixed sample of tiles, shared by the processes, and what is counted on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genoglot.corpus.labels import TARGETS
from genoglot.corpus.masking import IGNORED
from genoglot.corpus.windows import read_windows
from genoglot.errors import InputError
from genoglot.genome.store import Genome
from genoglot.model.hardware import device
from genoglot.model.language_model import LanguageModel
from genoglot.model.likelihood import LN2, Tiles, evaluation_tiles, open_genomes, tile_regions
from genoglot.model.reading import evaluation_rate, truth
from genoglot.network.modeling_genoglot import GenoglotModel


class HeldOut(NamedTuple):
    """Tiles, arrays (tiles, window): base codes uint8, the positions to predict, and region classes int8 or None."""

    codes: np.ndarray
    chosen: np.ndarray
    regions: np.ndarray | None


class HeldOutTiles:
    """Tiles in batches of `rows`, of which process `rank` of `ranks` has its share: as many batches as any other."""

    def __init__(self, tiles: HeldOut, rows: int, rank: int, ranks: int):
        total = len(tiles.codes)
        padded = -(-total // (rows * ranks)) * rows * ranks
        places = np.arange(padded)
        codes, chosen, regions = tiles
        # tiles that fill up a share ask for nothing
        codes, chosen = codes[places % total], chosen[places % total] & (places < total)[:, None]
        if regions is not None:
            regions = np.where((places < total)[:, None], regions[places % total], IGNORED)
        here = slice(rank, None, ranks)
        self._all = HeldOut(codes[here], chosen[here], None if regions is None else regions[here])
        self._rows = rows

    def __len__(self) -> int:
        return len(self._all.codes) // self._rows

    def __iter__(self) -> Iterator[HeldOut]:
        codes, chosen, regions = self._all
        for first in range(0, len(codes), self._rows):
            here = slice(first, first + self._rows)
            yield HeldOut(codes[here], chosen[here], None if regions is None else regions[here])


def held_out(
    windows: Path,
    sequences: dict[str, Path],
    regions: dict[str, Path | None] | None,
    model: LanguageModel,
    mask_rate: float,
    most: int,
    seed: int,
) -> HeldOut:
    """At most `most` tiles of the validation windows of a corpus; of their central halves, bases to predict.

    With `regions`, the region class of each base of the central halves; -100 where it is not known.

    Raises:
        InputError: there is no base to predict.
    """
    genomes = open_genomes(sequences)
    rate = evaluation_rate(model, mask_rate)
    tiles = evaluation_tiles(read_windows(windows, "validation"), genomes, model.window, rate, most, seed)
    classes = None if regions is None else _classes(tiles, genomes, regions)
    some = tiles.chosen.any(axis=1)
    if not some.any():
        raise InputError(
            f"{windows}: its validation windows have no base to predict; choose other validation contigs, or more of "
            "training.validation_windows or training.mask_rate"
        )
    return HeldOut(tiles.codes[some], tiles.chosen[some], None if classes is None else classes[some])


def _classes(tiles: Tiles, genomes: dict[str, Genome], regions: dict[str, Path | None]) -> np.ndarray:
    """Region class of each base of the central halves of tiles, int8 (tiles, window); -100 elsewhere."""
    result = TARGETS[tile_regions(tiles, genomes, regions)]
    quarter = result.shape[1] // 4
    result[:, :quarter] = result[:, quarter + result.shape[1] // 2 :] = IGNORED
    return result


def held_out_counts(model: LanguageModel, tiles: HeldOut, with_regions: bool) -> Tensor:
    """Sums over a batch of tiles, float64 (6,).

    Loss (nats), hits and number of the chosen bases, and of the tokens whose region is known.
    """
    losses, hits = truth(model, tiles.codes, tiles.chosen)
    counts = [-losses.double().sum(), hits.sum(), torch.tensor(len(hits))]
    if with_regions and tiles.regions is not None:
        counts += _region_counts(model, tiles.codes, tiles.regions)
    counts += [torch.zeros(())] * (6 - len(counts))
    return torch.stack([count.to(device(), torch.float64) for count in counts])


def _region_counts(model: LanguageModel, codes: np.ndarray, regions: np.ndarray) -> list[Tensor]:
    """Loss (nats), hits and number of the tokens whose region is known: that of their middle base."""
    written = model.write(codes)
    middle = np.minimum((written.starts + written.ends) // 2, codes.shape[1] - 1)
    of_tokens = np.where(written.ends > written.starts, np.take_along_axis(regions, middle, axis=1), IGNORED)
    classes = torch.from_numpy(of_tokens).long().to(device()).flatten()
    present = None if written.present.all() else torch.from_numpy(written.present).to(device())
    network = model.network
    assert isinstance(network, GenoglotModel)
    logits = network.region_logits(network.hidden(torch.from_numpy(written.ids).to(device()), present)).flatten(0, 1)
    loss = F.cross_entropy(logits.double(), classes, reduction="sum", ignore_index=IGNORED)
    return [loss, (logits.argmax(-1) == classes).sum(), (classes != IGNORED).sum()]


def held_out_metrics(counts: Tensor, lm_weight: float, region_weight: float) -> dict[str, float]:
    """Figures of the sums of `held_out_counts`: `bits` per base, `accuracy`, and `loss`, by which models are chosen.

    The loss is the weighted sum of the bits per base and of the bits per region class. With a weight for regions there
    are also `region_bits` and `region_accuracy`.
    """
    loss, hits, bases, region_loss, region_hits, labelled = counts.tolist()
    metrics = {"bits": loss / LN2 / max(bases, 1), "accuracy": hits / max(bases, 1)}
    metrics["loss"] = lm_weight * metrics["bits"]
    if region_weight:
        metrics["region_bits"] = region_loss / LN2 / max(labelled, 1)
        metrics["region_accuracy"] = region_hits / max(labelled, 1)
        metrics["loss"] += region_weight * metrics["region_bits"]
    return metrics
