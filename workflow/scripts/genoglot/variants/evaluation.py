"""Scored variants labelled, and their scores judged beside baselines: by classes and by allele frequency."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.consequences import label_snvs
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome
from genoglot.variants.baselines import BASELINES, conservation, trinucleotide_rates
from genoglot.variants.comparisons import by_consequence, compare
from genoglot.variants.frequency import against_frequency, frequency_bins
from genoglot.variants.info import frequencies, matched_info
from genoglot.variants.labels import UNLABELLED, Classes, Labels, labels_of_info, labels_of_table
from genoglot.variants.strata import RegionTable

logger = logging.getLogger(__name__)

_KEYS = ("contig", "pos", "ref", "alt")
_COLUMNS = (*_KEYS, "kind", "llr", "markov_llr")
# parts of seeds, so that what is added to a study leaves the resamples of the rest as they were
LABELS_SEED, FREQUENCY_SEED = 1000, 2000
DERIVED = "the set is a sample of what could change, and not of what did"


@dataclass(frozen=True)
class Evidence:
    """What is known of the variants beside their scores; None for what is not.

    Attributes:
        annotation: normalised GFF3, for consequences.
        regions: the genome's `regions.bed.gz`.
        vcf: the scored VCF, whose INFO has `label_key` and `frequency_key`.
        label_key, label_table: where labels come from, one of the two or none; `label_source` in the user's words.
        classes: what the labels mean.
        frequency_key: of allele frequencies.
        conservation: bigWig.
        derived: whether the variants are derived from the annotation, so that no rate can be read from them.
    """

    annotation: Path | None = None
    regions: Path | None = None
    vcf: Path | None = None
    label_key: str | None = None
    label_table: Path | None = None
    label_source: str | None = None
    classes: Classes = field(default_factory=Classes)
    frequency_key: str | None = None
    conservation: Path | None = None
    derived: bool = False

    @classmethod
    def of(cls, said: Mapping[str, Any], **files: str | Path | None) -> "Evidence":
        """Of what `genoglot.study.Study.judgement` says and files by their names here, empty where there is none."""
        classes = Classes(tuple(said["positives"]), tuple(said["negatives"]))
        named = {key: said[key] for key in ("label_key", "label_source", "frequency_key", "derived")}
        paths: dict[str, Any] = {name: Path(path) for name, path in files.items() if path}
        return cls(classes=classes, **named, **paths)


def evaluate_variants(
    scores: str | Path,
    sequence: str | Path,
    evidence: Evidence,
    settings: Mapping[str, Any],
    labelled: str | Path,
    metrics: str | Path,
    report: str | Path,
    seed: int = 1,
    contigs: list[str] | None = None,
    names: str | Path | None = None,
) -> None:
    """Label scored variants, and write how well their scores tell the classes apart and follow allele frequency.

    A lower log-likelihood ratio means a variant that is more likely to matter, so -llr ranks. Every number has a 95%
    interval, most of them from resamples, and stands beside baselines on the same variants.

    Args:
        scores: Parquet with columns contig, pos (0-based), ref, alt, kind, llr, markov_llr; NaN where unscored.
        sequence: tokenized genome.
        evidence: what the scores are judged by.
        settings: `bootstraps`, `fewest` (variants of a stratum), `frequency_bins`, `rare_below`, `common_from`.
        labelled: Parquet to write: the scores and consequence, region, label (1, 0 or null), frequency, trinucleotide
            (logarithm of the rate) and conservation.
        metrics: JSON to write: a list of comparisons (`genoglot.variants.comparisons.compare`), each with `by`, what
            its labels come from.
        report: JSON to write of what is no comparison: counts, and allele frequency.
        seed: of the resamples.
        contigs: contigs to evaluate on; None for all.
        names: the genome's `names.tsv`, if the scores or `contigs` may call contigs by other names than it does.

    Raises:
        InputError: the scores lack a column, or the evidence is not what it should be.
    """
    table = pq.read_table(scores)
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(
            f"{scores}: there is no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}; make the file again"
        )
    frame = table.select(list(_COLUMNS)).to_pandas()
    genome = Genome(Path(sequence))
    known = ContigNames.of(genome.contigs.index, names)
    frame["contig"] = known.resolve(frame["contig"]).fillna("")
    notes = _gather(frame, genome, known, evidence)
    _write_labelled(table, frame, labelled)
    if contigs is not None:
        asked = known.resolve(pd.Series(contigs, dtype=object)).tolist()
        frame = frame[frame["contig"].isin(asked)].reset_index(drop=True)
    write_json(Path(metrics), _comparisons(frame, evidence, settings, seed))
    write_json(Path(report), {**_counts(frame), **notes, **_frequency(frame, evidence, settings, seed)})


def _gather(frame: pd.DataFrame, genome: Genome, names: ContigNames, evidence: Evidence) -> dict[str, Any]:
    """Add to the variants the columns of what is known of them; how many it is known of."""
    notes: dict[str, Any] = {"labels": None, "frequency_counts": None, "trinucleotide": None, "conservation": None}
    frame["consequence"] = ""
    if evidence.annotation is not None:
        variants = (frame[name].to_numpy() for name in _KEYS)
        frame["consequence"] = label_snvs(evidence.annotation, genome.folder, *variants)
    frame["region"] = ""
    if evidence.regions is not None:
        regions = RegionTable.read(evidence.regions)
        frame["region"] = regions.classes(frame["contig"], frame["pos"].to_numpy())
        why: str | None = DERIVED
        if not evidence.derived:
            frame["trinucleotide"], why = trinucleotide_rates(genome, frame, regions)
        notes["trinucleotide"] = {"missing_because": why, **_known(frame, "trinucleotide")}
    if evidence.conservation is not None:
        frame["conservation"] = conservation(evidence.conservation, genome, names, frame)
        notes["conservation"] = _known(frame, "conservation")
    frame["label"] = UNLABELLED
    keys = [key for key in dict.fromkeys((evidence.label_key, evidence.frequency_key)) if key is not None]
    labels: Labels | None = None
    if keys and evidence.vcf is not None:
        info = matched_info(evidence.vcf, keys, frame)
        if evidence.frequency_key is not None:
            frame["frequency"], notes["frequency_counts"] = frequencies(info, evidence.frequency_key, evidence.vcf)
        if evidence.label_key is not None:
            labels = labels_of_info(info[evidence.label_key], evidence.classes, evidence.label_key, evidence.vcf)
    if evidence.label_table is not None:
        labels = labels_of_table(evidence.label_table, evidence.classes, frame, names)
    if labels is not None:
        frame["label"], notes["labels"] = labels.classes, {"source": evidence.label_source, **labels.counts}
    return notes


def _known(frame: pd.DataFrame, column: str) -> dict[str, int]:
    known = int(frame[column].notna().sum()) if column in frame else 0
    return {"known": known, "unknown": len(frame) - known}


def _write_labelled(table: pa.Table, frame: pd.DataFrame, path: str | Path) -> None:
    """The table of scores as it was, and what was added to the variants."""
    label = frame["label"].astype("Int8").where(frame["label"] != UNLABELLED, None)
    added = {
        "consequence": pa.array(frame["consequence"], pa.string()),
        "region": pa.array(frame["region"], pa.string()),
        "label": pa.array(label, pa.int8()),
    }
    for name in ("frequency", "trinucleotide", "conservation"):
        values = frame[name] if name in frame else [None] * len(frame)
        added[name] = pa.array(values, pa.float64(), from_pandas=True)
    for name, values in added.items():
        table = table.append_column(name, values)
    with atomic_path(Path(path)) as temporary:
        pq.write_table(table, temporary)


def _comparisons(frame: pd.DataFrame, evidence: Evidence, settings: Mapping[str, Any], seed: int) -> list[dict]:
    """The comparison by labels, if there are any, and those by consequence, if there is an annotation."""
    pairs: list[tuple[int, str, str, str, np.ndarray]] = []
    if evidence.label_source is not None:
        pairs.append((LABELS_SEED, evidence.label_source, *evidence.classes.words, frame["label"].to_numpy()))
    if evidence.annotation is not None:
        pairs += [(number, "consequence", *pair) for number, pair in enumerate(by_consequence(frame))]
    results = []
    for number, by, positives, negatives, classes in pairs:
        measured = compare(frame, classes, settings["bootstraps"], [seed, number], settings["fewest"])
        results.append({"by": by, "positives": positives, "negatives": negatives, **measured})
        logger.info("%(positives)s against %(negatives)s: AUROC %(auroc)s, Markov chain %(markov_auroc)s", results[-1])
    return results


def _counts(frame: pd.DataFrame) -> dict[str, Any]:
    """Variants that were scored, and scored ones that a baseline has no score for."""
    scored = frame["llr"].notna()
    kinds = frame.loc[scored, "kind"].value_counts()
    counts: dict[str, Any] = {
        "variants": len(frame),
        "scored": int(scored.sum()),
        "scored_by_kind": {name: int(n) for name, n in sorted(kinds.items())},
    }
    columns = {name: column for name, (column, _) in BASELINES.items() if column in frame}
    counts["lacking"] = {name: int((scored & frame[column].isna()).sum()) for name, column in columns.items()}
    return counts


def _frequency(frame: pd.DataFrame, evidence: Evidence, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    if evidence.frequency_key is None:
        return {"frequency": None}
    rare, common = settings["rare_below"], settings["common_from"]
    found = against_frequency(frame, rare, common, settings["bootstraps"], [seed, FREQUENCY_SEED], settings["fewest"])
    key = {"key": evidence.frequency_key, "rare_below": rare, "common_from": common}
    return {"frequency": {**key, "bins": frequency_bins(frame, list(settings["frequency_bins"])), **found}}
