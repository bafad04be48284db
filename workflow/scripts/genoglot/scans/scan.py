"""Scoring all substitutions of all sites of a part of a scan."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from genoglot.corpus.markov import MarkovModel
from genoglot.files import atomic_path
from genoglot.genome.store import Genome, forget
from genoglot.model.inference import Predictor
from genoglot.model.sites import Mode, site_log_probabilities
from genoglot.scans.plan import known_sites, part_of, plan_scan
from genoglot.scans.table import site_table, writer
from genoglot.variants.substitutions import entropy, substitution_ratios

log = logging.getLogger(__name__)


def scan_sites(
    model: Path,
    markov: Path,
    sequence: Path,
    output: Path,
    settings: dict[str, Any],
    threads: int,
    part: int = 1,
    parts: int = 1,
    contigs: list[str] | None = None,
    bed: Path | None = None,
    names: Path | None = None,
) -> None:
    """Score the three substitutions of every site of a part of a scan that is not N, a stretch at a time.

    Args:
        model, markov, sequence: the model's folder, the Markov chain, the folder of the tokenized genome.
        output: Parquet to write, as `genoglot.scans.table` describes it, sorted by contig and position.
        settings: `batch_size`, `precision`, and the `mode` in which masked models read sites (`genoglot.model.sites`).
        threads: of the model.
        part, parts: the part to score, from 1, of how many; what is scored does not depend on them.
        contigs, bed, names: what to scan, as `plan_scan` has it.

    Raises:
        InputError: see `plan_scan`.
    """
    genome = Genome(Path(sequence))
    plan = part_of(plan_scan(genome, contigs, bed, names), part, parts)
    predictor, chain = Predictor.open(model, settings, threads, side_by_side=True), MarkovModel.load(markov)
    total, done = int((plan["end"] - plan["start"]).sum()), 0
    with atomic_path(Path(output)) as temporary, writer(temporary) as parquet:
        for _, pieces in plan.groupby("stretch"):
            table = scan_stretch(genome, pieces, predictor, chain, settings["mode"])
            if len(table):
                parquet.write_table(table)
            done += int((pieces["end"] - pieces["start"]).sum())
            log.info("%d of %d bases scanned", done, total)
            forget(genome.bases)


def scan_stretch(
    genome: Genome, pieces: pd.DataFrame, predictor: Predictor, markov: MarkovModel, mode: Mode
) -> pa.Table:
    """The table of a stretch."""
    contigs, positions, reference = known_sites(genome, pieces)
    tables = site_log_probabilities(predictor, genome, contigs, positions, mode=mode)
    flank = markov.order("both")
    around = genome.windows(contigs, positions - flank, 2 * flank + 1)
    baseline = markov.log_probabilities(around, "both")[:, flank]
    return site_table(
        genome,
        contigs,
        positions,
        reference,
        substitution_ratios(tables, reference),
        entropy(tables),
        substitution_ratios(baseline, reference),
    )
