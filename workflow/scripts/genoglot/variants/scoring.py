"""Scores of the alleles of a VCF by a language model, beside a Markov chain's."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from genoglot.corpus.markov import MarkovModel
from genoglot.files import atomic_path, write_json
from genoglot.genome.names import ContigNames
from genoglot.genome.store import BLOCK, N_CODE, Genome
from genoglot.model.inference import Predictor
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import has_tables
from genoglot.model.sites import Mode, site_strands
from genoglot.variants.alleles import SCORED, Alleles, Edit, read_alleles
from genoglot.variants.calibration import Calibration
from genoglot.variants.calibration import context as kmers_around
from genoglot.variants.counts import Counts
from genoglot.variants.fields import (
    CALIBRATED,
    COSINE,
    ENTROPY,
    L2,
    LLR,
    MARKOV,
    PERCENTILE,
    REASON,
    STRANDS,
    Field,
    VcfWriter,
    info_texts,
    new_header,
    scores_schema,
    scores_table,
)
from genoglot.variants.haplotypes import longest_allele, markov_sums, model_sums, pairs, ratios
from genoglot.variants.records import AT_ONCE, Record, batches, open_variants
from genoglot.variants.substitutions import entropy

log = logging.getLogger(__name__)

EMBEDDED = 1 << 13  # alleles whose windows are

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Scorer:
    """A model, its baseline and a genome, with how alleles are to be compared.

    Attributes:
        mode: how sites share windows, see `genoglot.model.sites`.
        flank: bases beside an allele that count, of alleles that are compared as haplotypes.
        max_length: most bases that an allele may have, if half of the window is not less.
        embeddings: whether windows with either allele are embedded too, for the distance between them.
        calibration: what the model says of neutral sites, against which the scores of SNVs are set.
    """

    predictor: Predictor
    chain: MarkovModel
    genome: Genome
    mode: Mode
    flank: int
    max_length: int
    embeddings: bool
    calibration: Calibration | None = None

    @property
    def fields(self) -> list[Field]:
        distances = [L2, COSINE] if self.embeddings else []
        calibrated = [] if self.calibration is None else [CALIBRATED, PERCENTILE]
        return [LLR, STRANDS, ENTROPY, MARKOV, *distances, *calibrated, REASON]

    @property
    def longest(self) -> int:
        return longest_allele(self.predictor.window, self.max_length)

    def score(self, alleles: Alleles) -> Values:
        """Float32 columns (alleles,) of all fields but the reason; NaN where there is none.

        SNVs are compared at their site: the masked marginal log P(alt | rest) - log P(ref | rest) (Brandes et al.
        2023, doi:10.1038/s41588-023-01465-0), or what `sites.site_log_probabilities` says of models without it. All
        other alleles are compared as haplotypes (`genoglot.variants.haplotypes`). The chain's ratio is made likewise,
        from its probabilities of a base between its neighbours.
        """
        size = len(alleles.record)
        values = {
            field.column: np.full(size, np.nan, dtype=np.float32) for field in self.fields if field.kind == "Float"
        }
        snvs, others = alleles.rows(snvs=True), alleles.rows(snvs=False)
        if len(snvs):
            _put(values, snvs, self._snvs(alleles, snvs))
        if len(others):
            _put(values, others, self._haplotypes(alleles, others))
        if self.embeddings:
            rows = np.flatnonzero(alleles.reason == SCORED)
            for part in np.split(rows, range(EMBEDDED, len(rows), EMBEDDED)):
                _put(values, part, self._distances(alleles, part))
        return values

    def _snvs(self, alleles: Alleles, rows: np.ndarray) -> Values:
        contigs, positions, each = alleles.contig[rows], alleles.positions(rows), np.arange(len(rows))
        alternative = np.array([alleles.edits[row].new[0] for row in rows])
        reference = self.genome.at(contigs, positions[:, None])[:, 0]
        asked = np.zeros((len(rows), N_CODE), dtype=bool)
        asked[each, reference] = asked[each, alternative] = True
        whole = self.predictor.predicts_sites
        strands = site_strands(self.predictor, self.genome, contigs, positions, None if whole else asked, self.mode)
        forward, reverse = strands[:, each, alternative] - strands[:, each, reference]
        flank = self.chain.order("both")
        context = self.genome.windows(contigs, positions - flank, 2 * flank + 1)
        markov = self.chain.log_probabilities(context, "both")[:, flank]
        values = {
            LLR.column: (forward + reverse) / 2,
            STRANDS.column: np.abs(forward - reverse),
            MARKOV.column: markov[each, alternative] - markov[each, reference],
        }
        if whole:
            values[ENTROPY.column] = entropy(strands.mean(axis=0))
        if self.calibration is not None:
            around = kmers_around(self.genome, contigs, positions, self.calibration.kmer)
            calibrated = self.calibration.apply(around, alternative, values[LLR.column])
            values[CALIBRATED.column], values[PERCENTILE.column] = calibrated
        return values

    def _haplotypes(self, alleles: Alleles, rows: np.ndarray) -> Values:
        window = self.predictor.window
        # a causal model gives the whole window in one pass
        flank = None if self.predictor.model.kind == "causal" else self.flank
        both = pairs(self.genome, alleles.contig[rows], _edits(alleles, rows), window, flank)
        exact = self.mode == "exact"
        forward, reverse = ratios(*both, *(model_sums(self.predictor, self.genome, one, exact) for one in both))
        markov = ratios(*both, *(markov_sums(self.chain, self.genome, one, window) for one in both))
        return {
            LLR.column: (forward + reverse) / 2,
            STRANDS.column: np.abs(forward - reverse),
            MARKOV.column: markov[0],
        }

    def _distances(self, alleles: Alleles, rows: np.ndarray) -> Values:
        """Distances between the embeddings of windows with REF and with ALT in their middle."""
        window = self.predictor.window
        vectors = []
        for one in pairs(self.genome, alleles.contig[rows], _edits(alleles, rows), window, 0):
            found = np.empty((len(rows), self.predictor.dim), dtype=np.float64)
            odd = (window - one.lengths) % 2
            for size in (window, window - 1):
                alike = np.flatnonzero(odd == window - size)
                found[alike] = self.predictor.embed(one.take(alike).windows(self.genome, size))
            vectors.append(found)
        reference, alternative = vectors
        norms = np.linalg.norm(reference, axis=1) * np.linalg.norm(alternative, axis=1)
        return {
            L2.column: np.linalg.norm(alternative - reference, axis=1),
            COSINE.column: 1 - (reference * alternative).sum(axis=1) / np.maximum(norms, np.finfo(float).tiny),
        }


def _edits(alleles: Alleles, rows: np.ndarray) -> list[Edit]:
    return [alleles.edits[row] for row in rows]


def _put(values: Values, rows: np.ndarray, found: Values) -> None:
    for column, part in found.items():
        values[column][rows] = part


def method(model: LanguageModel, mode: Mode) -> str:
    """How a model's log-likelihood ratios are made, in words."""
    others = "other alleles: haplotype log-likelihood ratio, compensated for length"
    if model.kind == "causal":
        return f"SNVs: haplotype log-likelihood ratio of the window around them; {others}"
    if has_tables(model):
        how = "one masked site a window" if mode == "exact" else "sites share windows"
        return f"SNVs: masked marginal{f', {how}' if model.kind == 'masked' else ''}; {others}"
    return f"SNVs: haplotype log-likelihood ratio of the tokens that differ, masked together; {others}"


def score_variants(
    vcf: Path,
    model: Path,
    markov: Path,
    sequence: Path,
    output_vcf: Path,
    scores: Path,
    summary: Path,
    name: str,
    settings: dict[str, Any],
    threads: int,
    names: Path | None = None,
    calibration: Path | None = None,
) -> None:
    """Score every ALT allele of a VCF; write the VCF (bgzip), a Parquet of the scores and a summary of counts.

    All records come out, in order and as they were. An allele without a score has a reason. Memory does not depend on
    the number of records.

    Args:
        vcf: sorted, as `splitting.split_variants` leaves it; CHROM may be any of a contig's `names`.
        settings: `batch_size`, `precision`, and `mode`, `flank`, `max_length` and `embedding_distance` of `Scorer`.
        calibration: the table of `neutral.calibrate_scores`, made by this model on this genome.

    Raises:
        InputError: the VCF cannot be read.
    """
    predictor = Predictor.open(model, settings, threads, side_by_side=True)
    genome = Genome(Path(sequence))
    scorer = Scorer(
        predictor,
        MarkovModel.load(markov),
        genome,
        settings["mode"],
        settings["flank"],
        settings["max_length"],
        settings["embedding_distance"],
        None if calibration is None else Calibration.load(calibration),
    )
    known = ContigNames.of(genome.contigs.index, names)
    source, fields = open_variants(vcf), scorer.fields
    counts = Counts()
    schema = scores_schema(fields)
    with (
        atomic_path(output_vcf) as vcf_path,
        atomic_path(scores) as scores_path,
        pq.ParquetWriter(scores_path, schema, compression="zstd") as parquet,
    ):
        writer = VcfWriter(vcf_path, new_header(source.header, name, method(predictor.model, scorer.mode), fields))
        for records in batches(source.records(), AT_ONCE, BLOCK):
            alleles = read_alleles(records, genome, known, scorer.longest)
            values = scorer.score(alleles)
            writer.write(records, info_texts(len(records), alleles, values, fields))
            parquet.write_table(scores_table(records, alleles, values, schema))
            counts.add(records, alleles)
            log.info("%d records scored, the last at %s:%d", counts.records, *_last(records))
        writer.close()
    write_json(summary, {"model": name, **counts.describe()})


def _last(records: Sequence[Record]) -> tuple[str, int]:
    return records[-1].contig, records[-1].position + 1
