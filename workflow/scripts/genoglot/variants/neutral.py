"""Neutral sites of a genome, drawn at random, and what a model says of their substitutions."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot import __version__
from genoglot.errors import InputError
from genoglot.genome.bed import read_bed
from genoglot.genome.intervals import Intervals
from genoglot.genome.regions import read_region_table
from genoglot.genome.store import CODE_MASK, N_CODE, Genome
from genoglot.model.inference import Predictor
from genoglot.model.sites import site_log_probabilities
from genoglot.variants.calibration import Calibration, context
from genoglot.variants.substitutions import substitution_ratios

log = logging.getLogger(__name__)

ROUNDS = 50  # of drawing, for regions that are nearly all N
STRETCH = 8192  # sites that are scored together


def calibrate_scores(
    model: Path,
    sequence: Path,
    regions: Path,
    classes: list[str] | None,
    output: Path,
    settings: dict[str, Any],
    threads: int,
    seed: int,
    names: Path | None = None,
) -> None:
    """Score all substitutions at neutral sites, drawn at random, and write the `Calibration` of their scores.

    Args:
        model, sequence: folders of the model and of the tokenized genome.
        regions: the genome's `regions.bed.gz`, or any BED of regions that are held for neutral.
        classes: which classes of the former are neutral; None for the latter, all of which is.
        output: Parquet, as `Calibration.save` writes it.
        settings: `sites`, `kmer`, `mode` (`genoglot.model.sites`), `batch_size` and `precision`.
        threads: of the model.
        seed: of the sites.
        names: the genome's `names.tsv`, for a BED that calls contigs by other names.

    Raises:
        InputError: a line of the BED is wrong, or the regions have no known base; the message says what the genome has.
    """
    genome = Genome(Path(sequence))
    if classes is None:
        table = read_bed(regions, genome.contigs.reset_index(), names)
    else:
        table = read_region_table(regions)
        table = table[table["class"].isin(classes)]
    contigs, positions = draw_sites(genome, table, settings["sites"], seed)
    if not len(positions):
        _refuse(regions, classes)
    predictor = Predictor.open(model, settings, threads, side_by_side=True)
    codes = context(genome, contigs, positions, settings["kmer"])
    reference = codes[:, settings["kmer"] // 2]
    parts = []
    for first in range(0, len(positions), STRETCH):
        here = slice(first, first + STRETCH)
        tables = site_log_probabilities(predictor, genome, contigs[here], positions[here], mode=settings["mode"])
        parts.append(substitution_ratios(tables, reference[here]))
        log.info("%d of %d neutral sites scored", min(first + STRETCH, len(positions)), len(positions))
    calibration = Calibration.fit(codes, np.concatenate(parts))
    described = {"classes": classes, "sites": len(positions), "seed": seed, "mode": settings["mode"]}
    calibration.save(output, {"version": __version__, **described})
    log.info("%d kinds of substitutions, %s", len(calibration.n), described)


def draw_sites(genome: Genome, table: pd.DataFrame, sites: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Contig numbers and positions of sites without N, drawn without replacement, each as likely; sorted.

    `table` (columns contig, start, end) may overlap. Regions with fewer sites give all they have; those in which hardly
    any base is known may give fewer than they have.
    """
    contigs = genome.contigs
    offset = contigs["offset"].to_numpy()[genome.contig_numbers(table["contig"])]
    union = Intervals(offset[:, None] + table[["start", "end"]].to_numpy())
    generator = np.random.default_rng(seed)
    if union.total <= ROUNDS * sites:
        found = _known(genome, union.locate(np.arange(union.total)))
    else:
        found = np.empty(0, dtype=np.int64)
        for _ in range(ROUNDS):
            drawn = union.locate(generator.integers(union.total, size=sites))
            found = np.union1d(found, _known(genome, drawn))
            if len(found) >= sites:
                break
    if len(found) > sites:
        found = np.sort(generator.choice(found, sites, replace=False))
    elif len(found) < sites:
        log.warning("the neutral regions have %d known bases; %d sites were asked for", len(found), sites)
    number = np.searchsorted(contigs["offset"].to_numpy(), found, side="right") - 1
    return number, found - contigs["offset"].to_numpy()[number]


def _known(genome: Genome, places: np.ndarray) -> np.ndarray:
    """Those of some places in the genome's array that hold no N."""
    return places[(genome.bases[places] & CODE_MASK) < N_CODE]


def _refuse(regions: Path, classes: list[str] | None) -> None:
    """Say why nothing can be calibrated, and what could be instead."""
    if classes is None:
        raise InputError(
            f"{regions}: no neutral sites to calibrate scores on: these regions hold no base that is known (all are N, "
            "or on contigs that were dropped from the genome)"
        )
    table = read_region_table(regions)
    bases = (table["end"] - table["start"]).groupby(table["class"]).sum()
    has = ", ".join(f"{name} ({count} bases)" for name, count in bases.items())
    raise InputError(
        f"{regions}: no neutral sites to calibrate scores on: asked for {', '.join(classes)}, and the genome has "
        f"{has}; name other classes in scoring.calibration.regions, or give a BED in scoring.calibration.bed"
    )
