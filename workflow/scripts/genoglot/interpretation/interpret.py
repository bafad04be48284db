"""What a model predicts at loci, what changes there would do to it, and which bases it holds to depend on which."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.store import BASES, N_CODE, Genome
from genoglot.interpretation.attention import attention_maps, why_no_attention
from genoglot.interpretation.dependencies import dependency_map, why_no_map
from genoglot.interpretation.loci import Locus, read_loci
from genoglot.interpretation.tables import (
    ATTENTION,
    DEPENDENCIES,
    SITES,
    attention_rows,
    dependency_rows,
    information,
)
from genoglot.model.inference import Predictor
from genoglot.model.sites import normalised, site_log_probabilities
from genoglot.variants.substitutions import substitution_ratios

log = logging.getLogger(__name__)

FIGURE_LENGTH = 1000  # bases of a locus that can still be seen in a figure


def interpret_loci(
    model: Path,
    sequence: Path,
    sites: Path,
    dependencies: Path,
    attention: Path,
    summary: Path,
    settings: dict[str, Any],
    threads: int,
    names: Path | None = None,
    bed: Path | None = None,
    variants: Path | None = None,
) -> None:
    """Predict the bases of loci, score all substitutions there, and make their dependency and attention maps.

    Args:
        model, sequence: the model's folder, the folder of the tokenized genome.
        sites: Parquet to write: a row for each base of each locus (`SITES`), see `site_rows`.
        dependencies: Parquet to write: a row for each pair of bases of each locus that has a map (`DEPENDENCIES`),
            `pos` the changed base and `target` the other, in bits, as `genoglot.interpretation.dependencies` has it.
        attention: Parquet to write: a row for each pair of bases and layer (`ATTENTION`), see
            `genoglot.interpretation.attention`; empty where none is asked for.
        summary: JSON to write: the loci in order, with their numbers, and what each lacks and why.
        settings: `name` and `genome`, for messages and the summary; what `read_loci` needs; `mode`, in which masked
            models read sites (`genoglot.model.sites`); `map_length`, the most bases of a locus that gets a map;
            `attention`, whether these get attention maps too; `batch_size` and `precision`.
        threads: of the model.
        names, bed, variants: see `read_loci`.

    Raises:
        InputError: see `read_loci`; or all bases of all loci are N.
    """
    genome = Genome(Path(sequence))
    loci = read_loci(genome, names, settings, bed, variants)
    if all(unknown_bases(genome, locus) == locus.length for locus in loci):
        place = bed or variants or f"interpretation.{settings['name']}.regions"
        raise InputError(
            f"{place}: all bases of the loci are N in genome {settings['genome']}; nothing can be predicted"
        )
    predictor = Predictor.open(model, settings, threads, side_by_side=True)
    log.info("%d loci of %d bases", len(loci), sum(locus.length for locus in loci))
    table = site_rows(predictor, genome, loci, settings["mode"])
    described = [describe(predictor, genome, number, locus, settings) for number, locus in enumerate(loci)]
    with atomic_path(Path(sites)) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    with rows_of(Path(dependencies), DEPENDENCIES) as writer:
        for number, locus in _having("dependencies", loci, described):
            values = dependency_map(predictor, genome, locus)
            writer.write_table(dependency_rows(number, np.arange(locus.start, locus.end), values))
            log.info("dependency map %d of %d, %s", number + 1, len(loci), locus.name)
    with rows_of(Path(attention), ATTENTION) as writer:
        for number, locus in _having("attention", loci, described) if settings["attention"] else ():
            values = attention_maps(predictor, genome, locus)
            writer.write_table(attention_rows(number, np.arange(locus.start, locus.end), values))
    about_all = {"name": settings["name"], "genome": settings["genome"], "model": Path(model).name}
    write_json(Path(summary), {**about_all, "mode": settings["mode"], "loci": described})


@contextmanager
def rows_of(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A writer of a table, which appears whole or not at all."""
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield writer


def _having(what: str, loci: list[Locus], described: list[dict[str, Any]]) -> Iterator[tuple[int, Locus]]:
    """Number and locus of those that have something; of the others the log says why not."""
    for number, (locus, about) in enumerate(zip(loci, described, strict=True)):
        if what in about["missing"]:
            log.info("%s has no %s: %s", locus.name, what, about["missing"][what])
        else:
            yield number, locus


def site_rows(predictor: Predictor, genome: Genome, loci: list[Locus], mode: Any) -> pa.Table:
    """A row for each base of each locus: what the model predicts there, and the scores of the three substitutions.

    `p_A` to `p_T` are probabilities of the four bases given all others, the strands' log-probabilities averaged (of a
    model without tables of single bases, and of causal ones: of the window with either base in it, normalised);
    `information` is 2 bits less their entropy; `llr_*` (nats) are as GLM_LLR of a VCF, null at the base that is there.
    Bases that are N have neither.
    """
    lengths = [locus.length for locus in loci]
    contigs = np.repeat(genome.contig_numbers(np.array([locus.contig for locus in loci])), lengths)
    positions = np.concatenate([np.arange(locus.start, locus.end) for locus in loci])
    reference = genome.at(contigs, positions[:, None])[:, 0]
    known = reference < N_CODE
    values = np.full((len(positions), 2 * N_CODE + 1), np.nan, dtype=np.float32)
    if known.any():
        tables = site_log_probabilities(predictor, genome, contigs[known], positions[known], mode=mode)
        probabilities = np.exp(normalised(tables))
        values[known] = np.column_stack(
            [probabilities, information(probabilities), substitution_ratios(tables, reference[known])]
        )
    columns = [
        pa.array(np.repeat(np.arange(len(loci), dtype=np.int32), lengths)),
        pa.array(np.repeat([locus.contig for locus in loci], lengths), pa.string()),
        pa.array(positions),
        pa.array(np.array(list(BASES))[reference], pa.string()),
        *(pa.array(np.ascontiguousarray(column), pa.float32(), from_pandas=True) for column in values.T),
    ]
    return pa.Table.from_arrays(columns, schema=SITES)


def unknown_bases(genome: Genome, locus: Locus) -> int:
    """How many bases of a locus are N."""
    contig = genome.contig_numbers(np.array([locus.contig]))
    return int((genome.windows(contig, np.array([locus.start]), locus.length) >= N_CODE).sum())


def describe(
    predictor: Predictor, genome: Genome, number: int, locus: Locus, settings: dict[str, Any]
) -> dict[str, Any]:
    """What the summary says of a locus; `missing` has the reason for everything that it has not."""
    unknown, longest = unknown_bases(genome, locus), settings["map_length"]
    missing: dict[str, str] = {}
    if unknown == locus.length:
        nothing = "all of its bases are N"
        asked = ("attention",) if settings["attention"] else ()
        missing = dict.fromkeys(("predictions", "dependencies", *asked, "figures"), nothing)
    else:
        if reason := why_no_map(predictor.model, locus.length, longest):
            missing["dependencies"] = reason
        if settings["attention"] and (reason := why_no_attention(predictor.model, locus.length, longest)):
            missing["attention"] = reason
        if locus.length > FIGURE_LENGTH:
            missing["figures"] = f"the locus has {locus.length:,} bases, and figures show at most {FIGURE_LENGTH:,}"
    return {
        "number": number,
        "name": locus.name,
        "file": locus.file_name(number),
        "contig": locus.contig,
        "start": locus.start,
        "end": locus.end,
        "variants": list(locus.variants),
        "unknown": unknown,
        "missing": missing,
    }
