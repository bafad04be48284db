"""Scores of variants by log-likelihood ratios, beside a Markov chain's, written back into the VCF."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from genoglot import __version__
from genoglot.corpus.markov import MarkovModel
from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.names import ContigNames
from genoglot.genome.store import N_CODE, Genome
from genoglot.model.inference import Predictor
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import has_tables
from genoglot.variants.vcf import SCORED, Alleles, InfoField, VcfWriter, chunks, open_vcf, read_alleles

log = logging.getLogger(__name__)

CHUNK = 20_000  # records held in memory at once
SCHEMA = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("llr", pa.float32()),
        ("markov_llr", pa.float32()),
        ("reason", pa.string()),
    ]
)


def method(model: LanguageModel) -> str:
    """How a model's log-likelihood ratios are made, in words."""
    if model.kind == "causal":
        return "haplotype log-likelihood ratio of the window around the variant"
    if has_tables(model):
        return "masked marginal"
    return "haplotype log-likelihood ratio of the tokens that differ between the four bases, masked together"


def info_fields(model: str, how: str) -> list[InfoField]:
    """The fields that scoring adds; `model` is its name, `how` what `method` says of it."""
    by = f"model {model}, Genoglot {__version__}"
    return [
        InfoField(
            "GLM_LLR",
            "Float",
            f"Log-likelihood ratio ALT - REF in nats, {how}, strands averaged; negative = less likely ({by})",
        ),
        InfoField(
            "GLM_MARKOV_LLR",
            "Float",
            f"The ratio of masked marginals by a Markov chain that sees both sides: the baseline ({by})",
        ),
        InfoField("GLM_REASON", "String", f"Why an allele has no score; . where it has one ({by})"),
    ]


def score_alleles(
    alleles: Alleles, genome: Genome, predictor: Predictor, markov: MarkovModel
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood ratios (nats, float32) of model and Markov chain per allele; NaN where there is a reason.

    The masked marginal log P(alt | rest) - log P(ref | rest) (Brandes et al. 2023, doi:10.1038/s41588-023-01465-0),
    or, of models without probabilities of single bases from both sides, log P(haplotype with alt) - log P(haplotype
    with ref), as `Predictor.site_log_probabilities` says. The chain's is always the masked marginal.
    """
    ratios = np.full((2, len(alleles.record)), np.nan, dtype=np.float32)
    rows = np.flatnonzero(alleles.reason == SCORED)
    if len(rows):
        contigs, positions = alleles.contig[rows], alleles.position[rows]
        flank = markov.order("both")
        context = genome.windows(contigs, positions - flank, 2 * flank + 1)
        each = np.arange(len(rows))
        asked = np.zeros((len(rows), N_CODE), dtype=bool)
        asked[each, alleles.reference[rows]] = asked[each, alleles.alternative[rows]] = True
        tables = [
            predictor.site_log_probabilities(genome, contigs, positions, asked),
            markov.log_probabilities(context, "both")[:, flank],
        ]
        for ratio, table in zip(ratios, tables, strict=True):
            ratio[rows] = table[each, alleles.alternative[rows]] - table[each, alleles.reference[rows]]
    return ratios[0], ratios[1]


def score_variants(
    vcf: Path,
    model: Path,
    markov: Path,
    sequence: Path,
    output_vcf: Path,
    scores: Path,
    summary: Path,
    name: str,
    contigs: list[str] | None,
    settings: dict[str, Any],
    threads: int,
    names: Path | None = None,
) -> None:
    """Score every ALT allele of a VCF; write the VCF (bgzip, tabix), a Parquet of the scores and a summary of counts.

    All records come out, in order and as they were; with `contigs`, those of these contigs of the genome only. An
    allele without a score has a reason. `settings` holds `batch_size` and `precision`. With `names`, the genome's
    `names.tsv`, CHROM and `contigs` may be any of a contig's names.

    Raises:
        InputError: the VCF cannot be read, has scores already or is not sorted, or the genome lacks one of `contigs`.
    """
    predictor = Predictor.open(model, settings, threads)
    chain, genome = MarkovModel.load(markov), Genome(Path(sequence))
    fields = info_fields(name, method(predictor.model))
    source = open_vcf(vcf)
    known = ContigNames.read(names) if names is not None else ContigNames({name: name for name in genome.contigs.index})
    wanted = _wanted(contigs, known, vcf) if contigs else None
    chroms = known.called(wanted) if wanted else None
    counts: Counter[str] = Counter()
    records_seen = 0
    with (
        atomic_path(output_vcf) as vcf_path,
        atomic_path(scores) as scores_path,
        pq.ParquetWriter(scores_path, SCHEMA, compression="zstd") as parquet,
    ):
        lines = [f"##genoglot=<Version={__version__},Model={name}>"]
        writer = VcfWriter(vcf_path, source, vcf, fields, lines)
        for records in chunks(source, vcf, chroms, CHUNK):
            alleles = read_alleles(records, genome, known)
            llr, markov_llr = score_alleles(alleles, genome, predictor, chain)
            writer.write(records, info_texts(len(records), alleles, llr, markov_llr))
            parquet.write_table(score_table(records, alleles, llr, markov_llr))
            counts.update(str(reason) for reason in alleles.reason)
            records_seen += len(records)
            log.info("%d records scored", records_seen)
        writer.close()
        index_vcf(vcf_path, Path(output_vcf), vcf)
    scored = counts.pop(SCORED, 0)
    write_json(
        summary,
        {
            "model": name,
            "records": records_seen,
            "alleles": scored + sum(counts.values()),
            "scored": scored,
            "unscored": dict(sorted(counts.items())),
            "contigs": sorted(wanted) if wanted else None,
        },
    )


def _wanted(contigs: list[str], names: ContigNames, vcf: Path) -> set[str]:
    """The genome's own names of contigs to score."""
    asked = pd.Series(contigs, dtype=object)
    found = names.resolve(asked)
    missing = found.isna() | (found == "")
    if missing.any():
        raise InputError(
            f"{vcf}: asked to score contig {', '.join(sorted(asked[missing]))}, which the genome does not have"
        )
    return set(found)


def info_texts(records: int, alleles: Alleles, llr: np.ndarray, markov_llr: np.ndarray) -> list[list[str]]:
    """Texts of the three fields for each record, one value per allele, `.` for none.

    A field with no value at all in a record is left out of it.
    """
    texts: list[list[list[str]]] = [[[], [], []] for _ in range(records)]
    for row, record in enumerate(alleles.record):
        reason = alleles.reason[row]
        texts[record][0].append("." if reason else f"{llr[row]:.5g}")
        texts[record][1].append("." if reason else f"{markov_llr[row]:.5g}")
        texts[record][2].append(reason or ".")
    return [["" if set(values) == {"."} else ",".join(values) for values in fields] for fields in texts]


def score_table(records: list, alleles: Alleles, llr: np.ndarray, markov_llr: np.ndarray) -> pa.Table:
    return pa.Table.from_arrays(
        [
            pa.array([records[index].CHROM for index in alleles.record], pa.string()),
            pa.array(alleles.position.astype(np.int64)),
            pa.array(alleles.ref, pa.string()),
            pa.array(alleles.alt, pa.string()),
            pa.array(llr, from_pandas=True),
            pa.array(markov_llr, from_pandas=True),
            pa.array([str(reason) or None for reason in alleles.reason], pa.string()),
        ],
        schema=SCHEMA,
    )


def index_vcf(written: Path, final: Path, source: Path) -> None:
    """Make the tabix index of a VCF that is about to be renamed to `final`."""
    try:
        pysam.tabix_index(str(written), preset="vcf", force=True)
    except OSError as error:
        raise InputError(f"{source} is not sorted by position within contigs; sort it first: bcftools sort") from error
    Path(f"{written}.tbi").replace(f"{final}.tbi")
