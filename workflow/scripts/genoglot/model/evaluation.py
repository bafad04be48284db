"""`metrics.json` of a model: held-out bits per base and accuracy, per region class too, beside Markov baselines."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from genoglot.corpus.markov import MarkovModel
from genoglot.corpus.windows import read_windows
from genoglot.files import read_json, write_json
from genoglot.genome.regions import REGION_CLASSES, read_regions
from genoglot.model.inference import Predictor
from genoglot.model.likelihood import LN2, Tiles, evaluation_tiles, open_genomes, standard_error, summary

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
    """Evaluate on the validation windows; every evaluated position is masked from its own prediction.

    `settings` holds `mask_rate` (for models that need mask tokens), `max_positions`, `batch_size` and `precision`.
    """
    predictor = Predictor.open(model, settings, threads)
    rate = settings["mask_rate"] if predictor.model.needs_mask else None
    per_tile = predictor.window // 2 * (rate or 1)
    tiles = evaluation_tiles(
        read_windows(windows, "validation"),
        open_genomes(sequences),
        predictor.window,
        rate,
        max(1, int(settings["max_positions"] / per_tile)),
        seed,
    )
    truth = tiles.codes[tiles.chosen]
    tile, _ = np.nonzero(tiles.chosen)
    predicted = {"model": _by_chunks(tiles, predictor.log_probabilities)}
    chains = MarkovModel.load(markov)
    for family in ("left", "both"):
        predicted[family] = _by_chunks(
            tiles, lambda codes, chosen, family=family: chains.log_probabilities(codes, family)[chosen]
        )
    rows = np.arange(len(truth))
    loss = {name: -values[rows, truth].astype(np.float64) / LN2 for name, values in predicted.items()}
    baselines = {
        family: {"order": chains.order(family), **summary(predicted[family], truth)} for family in ("left", "both")
    }
    better = min(baselines, key=lambda family: baselines[family]["bits_per_base"])
    training = read_json(Path(model) / "training.json")
    result = {
        **summary(predicted["model"], truth),
        "bits_per_base_se": standard_error(loss["model"], tile),
        "markov_bits_per_base": baselines[better]["bits_per_base"],
        "markov_better": better,
        "markov": baselines,
        "gain": baselines[better]["bits_per_base"] - summary(predicted["model"], truth)["bits_per_base"],
        "gain_se": standard_error(loss[better] - loss["model"], tile),
        "positions": len(truth),
        "masked_share": rate,
        "regions": _by_region(tiles, regions, predicted["model"], loss[better], truth, sequences),
        **{key: training[key] for key in ("tokens_seen", "seconds", "parameters", "steps")},
    }
    write_json(metrics, result)
    log.info(
        "held-out bits per base %.4f (Markov %.4f) on %d positions",
        result["bits_per_base"],
        result["markov_bits_per_base"],
        len(truth),
    )


def _by_chunks(tiles: Tiles, predict: Any) -> np.ndarray:
    parts = [
        predict(tiles.codes[first : first + CHUNK], tiles.chosen[first : first + CHUNK])
        for first in range(0, len(tiles.codes), CHUNK)
    ]
    return np.concatenate(parts)


def _by_region(
    tiles: Tiles,
    regions: dict[str, Path],
    log_probabilities: np.ndarray,
    markov_loss: np.ndarray,
    truth: np.ndarray,
    sequences: dict[str, Path],
) -> list[dict[str, Any]]:
    """The same figures for the positions of each region class."""
    labels = [*REGION_CLASSES, "unannotated"]
    tile, offset = np.nonzero(tiles.chosen)
    region = np.empty(len(tile), dtype=np.uint8)
    for number, (name, genome) in enumerate(open_genomes(sequences).items()):
        here = tiles.genome[tile] == number
        classes = read_regions(regions[name], genome)
        start = genome.contigs["offset"].to_numpy()[tiles.contig[tile[here]]] + tiles.start[tile[here]]
        region[here] = classes[start + offset[here]]
    result = []
    for code, label in enumerate(labels):
        here = region == code
        if here.any():
            result.append(
                {
                    "region": label,
                    "positions": int(here.sum()),
                    **summary(log_probabilities[here], truth[here]),
                    "markov_bits_per_base": float(markov_loss[here].mean()),
                }
            )
    return result
