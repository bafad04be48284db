"""`metrics.json` of a model: held-out bits per base and accuracy, per region class too, beside Markov baselines."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from genoglot.corpus.markov import MarkovModel
from genoglot.corpus.windows import read_windows
from genoglot.files import read_json, write_json
from genoglot.genome.region_classes import REGION_CLASSES
from genoglot.model.folder import TRAINING
from genoglot.model.inference import Predictor
from genoglot.model.likelihood import Reading, Tiles, evaluation_tiles, open_genomes, standard_error, tile_regions
from genoglot.model.reading import evaluation_rate

log = logging.getLogger(__name__)

CHUNK = 1024  # tiles per step, to bound memory


def evaluate_model(
    model: Path,
    windows: Path,
    sequences: dict[str, Path],
    regions: dict[str, Path],
    markov: Path,
    metrics: Path,
    settings: dict[str, Any],
    seed: int,
    threads: int,
) -> None:
    """Evaluate on the validation windows; every evaluated position is hidden from its own prediction.

    A masked or cloze model predicts a base from both sides and stands beside the better of the two Markov chains; a
    causal one predicts what comes next on the strand as given and stands beside the chain that does the same. What is
    measured of tokens of several bases is said in `genoglot.model.reading`.

    `settings` holds `mask_rate` (the share of tokens masked at once, for models that need mask tokens),
    `max_positions`, `batch_size` and `precision`. Masked models of several bases a token are measured in as many tiles
    as those of one, and so at fewer positions.
    """
    predictor = Predictor.open(model, settings, threads)
    kind = predictor.model.kind
    mask_rate = settings["mask_rate"] if kind == "masked" else None
    per_tile = predictor.window // 2 * (mask_rate or 1)
    tiles = evaluation_tiles(
        read_windows(windows, "validation"),
        open_genomes(sequences),
        predictor.window,
        evaluation_rate(predictor.model, settings["mask_rate"]),
        max(1, int(settings["max_positions"] / per_tile)),
        seed,
    )
    read = _by_chunks(tiles, predictor.truth)
    chains = MarkovModel.load(markov)
    chain = {family: _by_chunks(tiles, _chain_reader(chains, family)) for family in ("left", "both")}
    baselines = {family: {"order": chains.order(family), **chain[family].summary()} for family in chain}
    rivals = ["left"] if kind == "causal" else ["left", "both"]
    better = min(rivals, key=lambda family: baselines[family]["bits_per_base"])
    tile, _ = np.nonzero(tiles.chosen)
    found, training = read.summary(), read_json(Path(model) / TRAINING)
    result = {
        "objective": kind,
        **found,
        "bits_per_base_se": standard_error(read.bits, tile),
        "markov_bits_per_base": baselines[better]["bits_per_base"],
        "markov_better": better,
        "markov": baselines,
        "gain": baselines[better]["bits_per_base"] - found["bits_per_base"],
        "gain_se": standard_error(chain[better].bits - read.bits, tile),
        "positions": len(tile),
        "masked_share": mask_rate,
        "regions": _by_region(tiles, regions, read, chain[better], sequences),
        **{key: training[key] for key in ("tokens_seen", "seconds", "parameters", "steps")},
    }
    write_json(metrics, result)
    log.info(
        "held-out bits per base %.4f (Markov %.4f) on %d positions",
        result["bits_per_base"],
        result["markov_bits_per_base"],
        len(tile),
    )


def _chain_reader(chains: MarkovModel, family: str) -> Callable[[np.ndarray, np.ndarray], Reading]:
    return lambda codes, chosen: Reading.of_tables(chains.log_probabilities(codes, family)[chosen], codes[chosen])


def _by_chunks(tiles: Tiles, read: Callable[[np.ndarray, np.ndarray], Reading]) -> Reading:
    parts = [
        read(tiles.codes[first : first + CHUNK], tiles.chosen[first : first + CHUNK])
        for first in range(0, len(tiles.codes), CHUNK)
    ]
    return Reading(
        np.concatenate([part.log_probabilities for part in parts]), np.concatenate([part.hits for part in parts])
    )


def _by_region(
    tiles: Tiles, regions: dict[str, Path], read: Reading, chain: Reading, sequences: dict[str, Path]
) -> list[dict[str, Any]]:
    """The same figures for the positions of each region class."""
    labels = [*REGION_CLASSES, "unannotated"]
    region = tile_regions(tiles, open_genomes(sequences), regions)[tiles.chosen]
    result = []
    for code, label in enumerate(labels):
        here = region == code
        if here.any():
            result.append(
                {
                    "region": label,
                    "positions": int(here.sum()),
                    **read.at(here).summary(),
                    "markov_bits_per_base": float(chain.bits[here].mean()),
                }
            )
    return result
