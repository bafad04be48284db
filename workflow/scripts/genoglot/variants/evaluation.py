"""How well scores separate consequences, beside the Markov baseline."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import rankdata

from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.consequences import label_snvs
from genoglot.genome.names import ContigNames

logger = logging.getLogger(__name__)

SILENT = "synonymous_variant"
# deleterious first; several negatives: the first of them that has enough scored variants
COMPARISONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("stop_gained", (SILENT,)),
    ("missense_variant", (SILENT,)),
    ("start_lost", (SILENT,)),
    ("stop_lost", (SILENT,)),
    ("splice_donor_variant", ("intron_variant", "intergenic_variant")),
    ("splice_acceptor_variant", ("intron_variant", "intergenic_variant")),
)
FEWEST = 2
INTERVAL = (2.5, 97.5)
_COLUMNS = ("contig", "pos", "ref", "alt", "llr", "markov_llr")


def evaluate_variants(
    scores: str | Path,
    annotation: str | Path | None,
    sequence_folder: str | Path,
    labelled: str | Path,
    metrics: str | Path,
    bootstraps: int = 1000,
    seed: int = 1,
    contigs: list[str] | None = None,
    names: str | Path | None = None,
) -> None:
    """Label scored variants by consequence and write how well their scores separate consequences.

    A lower log-likelihood ratio means a more deleterious variant, so -llr ranks. Every AUROC has a 95% percentile
    interval over bootstrap resamples, drawn within each class; model and baseline are measured on the same variants
    and the same resamples, so their difference has an interval too.

    Args:
        scores: Parquet with columns contig, pos (0-based), ref, alt, llr, markov_llr; NaN where unscored.
        annotation: normalised GFF3, or None: then nothing is labelled nor compared.
        sequence_folder: tokenized genome.
        labelled: Parquet to write: the scores and `consequence`, empty where none can be told.
        metrics: JSON to write: a list of comparisons, with null for what too few variants (under 2 of a class)
            or the lack of a baseline leave unknown.
        bootstraps: resamples.
        seed: of the resamples.
        contigs: contigs to evaluate on; None for all.
        names: the genome's `names.tsv`, if the scores or `contigs` may call contigs by other names than it does.

    Raises:
        InputError: the scores lack a column.
    """
    table = pq.read_table(scores)
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(
            f"{scores}: there is no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}; make the file again"
        )
    frame = table.select(list(_COLUMNS)).to_pandas()
    if names is not None:
        known = ContigNames.read(names)
        frame["contig"] = known.resolve(frame["contig"]).fillna("")
        contigs = contigs and known.resolve(pd.Series(contigs, dtype=object)).tolist()
    frame["consequence"] = ""
    if annotation is not None:
        variants = (frame[name].to_numpy() for name in ("contig", "pos", "ref", "alt"))
        frame["consequence"] = label_snvs(annotation, sequence_folder, *variants)
    with atomic_path(Path(labelled)) as temporary:
        pq.write_table(table.append_column("consequence", pa.array(frame["consequence"], pa.string())), temporary)
    if annotation is None:
        write_json(Path(metrics), [])
        return
    if contigs is not None:
        frame = frame[frame["contig"].isin(contigs)]
    comparisons = compare(frame, bootstraps, seed)
    for item in comparisons:
        logger.info("%(positives)s against %(negatives)s: AUROC %(auroc)s, Markov chain %(markov_auroc)s", item)
    write_json(Path(metrics), comparisons)


def compare(frame: pd.DataFrame, bootstraps: int, seed: int) -> list[dict[str, Any]]:
    """All of `COMPARISONS` on a table with columns consequence, llr and markov_llr.

    Variants without one of the two scores are left out and counted as `unscored`; if no variant has a Markov score,
    the model is measured alone.
    """
    columns = ["llr", "markov_llr"]
    values = frame[columns].to_numpy(dtype=np.float64)
    has_markov = bool(np.isfinite(values[:, 1]).any())
    if not has_markov:
        columns, values = columns[:1], values[:, :1]
    scored = np.isfinite(values).all(axis=1)
    consequence = frame["consequence"].to_numpy()
    results = []
    for number, (positive, candidates) in enumerate(COMPARISONS):
        enough = (term for term in candidates if (scored & (consequence == term)).sum() >= FEWEST)
        negative = next(enough, candidates[-1])
        members = np.isin(consequence, (positive, negative))
        chosen = members & scored
        generator = np.random.default_rng([seed, number])
        results.append(
            {
                "positives": positive,
                "negatives": negative,
                "n_positives": int((consequence[chosen] == positive).sum()),
                "n_negatives": int((consequence[chosen] == negative).sum()),
                "n": int(chosen.sum()),
                "unscored": int((members & ~scored).sum()),
                **_measures(-values[chosen], consequence[chosen] == positive, bootstraps, generator),
            }
        )
    return results


def _measures(
    scores: np.ndarray, positive: np.ndarray, bootstraps: int, generator: np.random.Generator
) -> dict[str, float | None]:
    """AUROC of the model and, if there is a second column of `scores` (variants, 1 or 2), of the baseline."""
    names = ["auroc", "markov_auroc", "difference"]
    measures: dict[str, float | None] = {f"{name}{end}": None for name in names for end in ("", "_low", "_high")}
    if positive.sum() < FEWEST or (~positive).sum() < FEWEST:
        return measures
    point = np.array([auroc(column, positive) for column in scores.T])
    samples = bootstrap_auroc(scores, positive, bootstraps, generator)
    if len(point) == 2:
        point = np.append(point, point[0] - point[1])
        samples = np.column_stack([samples, samples[:, 0] - samples[:, 1]])
    low, high = np.percentile(samples, INTERVAL, axis=0)
    for name, *values in zip(names, point, low, high, strict=False):
        for end, value in zip(("", "_low", "_high"), values, strict=True):
            measures[f"{name}{end}"] = float(value)
    return measures


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the receiver operating characteristic: how often a positive outranks a negative, ties half.

    By the rank sum (Mann & Whitney 1947; Hanley & McNeil 1982). Both arguments have shape (variants,).
    """
    count = int(positive.sum())
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))


def bootstrap_auroc(
    scores: np.ndarray, positive: np.ndarray, resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """AUROC of resamples drawn with replacement within each class; float64 of shape (resamples, columns).

    A resample is a count for each variant. With the negatives sorted once, and the place of each positive among them
    known, its AUROC is the mean over the drawn positives of the drawn negatives below: linear time, no sorting.

    Args:
        scores: float64 of shape (variants, columns); all columns share the resamples.
        positive: bool of shape (variants,).
        resamples: how many.
        generator: source of the resamples.
    """
    higher, lower = scores[positive], scores[~positive]
    orders = np.argsort(lower, axis=0, kind="stable")
    ranked = np.take_along_axis(lower, orders, axis=0)
    columns = range(scores.shape[1])
    order = [np.ascontiguousarray(orders[:, column]) for column in columns]
    below = [np.searchsorted(ranked[:, column], higher[:, column], side="left") for column in columns]
    upto = [np.searchsorted(ranked[:, column], higher[:, column], side="right") for column in columns]
    cumulated = np.zeros(len(lower) + 1)
    result = np.empty((resamples, len(columns)))
    for row in range(resamples):
        drawn_higher = _counts(len(higher), generator)
        drawn_lower = _counts(len(lower), generator)
        for column in columns:
            np.cumsum(drawn_lower[order[column]], out=cumulated[1:])
            wins = cumulated[below[column]] + cumulated[upto[column]]
            # not `@`: for one dot product the threads of a BLAS cost more than they save
            result[row, column] = (drawn_higher * wins).sum()
    return result / (2 * len(higher) * len(lower))


def _counts(size: int, generator: np.random.Generator) -> np.ndarray:
    """How often each of `size` things is drawn in `size` draws with replacement; float64."""
    return np.bincount(generator.integers(size, size=size), minlength=size).astype(np.float64)
