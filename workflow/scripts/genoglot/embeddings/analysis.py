"""What the embeddings of a genome's windows know: a map, clusters, neighbours, and how well classes are told apart."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from genoglot.embeddings.axes import describe_axes
from genoglot.embeddings.clusters import describe_clusters, find_clusters
from genoglot.embeddings.comparison import compare_representations
from genoglot.embeddings.neighbours import nearest_windows, write_neighbours
from genoglot.embeddings.projection import describe_components, principal_components, umap_positions
from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.store import Genome

LOGGER = logging.getLogger(__name__)

COLUMNS = ["contig", "start", "end", "region", "gc", "soft_masked", "perplexity"]
INTERVALS = ["interval_start", "interval_end"]


# sums in another order would give another UMAP, and many small matrices are slower on several threads
@threadpool_limits.wrap(limits=1)
def analyse_embeddings(
    embeddings: str | Path,
    sequence_folder: str | Path,
    umap: str | Path,
    metrics: str | Path,
    neighbourhood: str | Path,
    seed: int,
    max_points: int = 50_000,
    neighbours: int = 15,
    min_dist: float = 0.1,
) -> None:
    """Map the windows of `embeddings` and measure what their embeddings know.

    Windows whose embedding holds a value that is not finite, or that hold no base but N, are left out and counted.
    Region classes are predicted on the windows that the untrained network has embedded too; classes with fewer than
    `comparison.MIN_PER_CLASS` of them are left out and named.

    Args:
        embeddings: Parquet of `embed_windows`: places (0-based half-open), region, gc, soft_masked, perplexity,
            embedding, and untrained, which is null where a window was not compared.
        sequence_folder: tokenized genome of these windows.
        umap: Parquet written: those columns but vectors, umap_1, umap_2, pca_1, pca_2 and cluster (-1 for none).
        metrics: JSON written: `balanced_accuracy` of the model and, with the suffixes `_3mer`, `_6mer` and
            `_untrained`, of the baselines; each with `_low` and `_high` (95% bootstrap interval over runs of
            neighbouring windows); null where there are not two classes to tell apart. `clusters` and `axes` are as
            `describe_clusters` and `describe_axes` have them.
        neighbourhood: Parquet written, of `write_neighbours`.
        seed: fixes samples, UMAP and bootstrap.
        max_points: UMAP is fitted on at most so many windows; the others are placed by it afterwards.
        neighbours, min_dist: UMAP's own (McInnes et al. 2018, arXiv:1802.03426).

    Raises:
        InputError: no window is left, or a window lies on a contig that the genome does not have.
    """
    table, vectors, untrained, compared = _read(Path(embeddings))
    genome = Genome(Path(sequence_folder))
    contigs = genome.contig_numbers(table["contig"])
    if (contigs < 0).any():
        name = table["contig"][contigs < 0].iloc[0]
        raise InputError(
            f"{embeddings}: a window lies on contig {name!r}, which {sequence_folder} does not have; "
            "make the embeddings of this genome again"
        )
    known = np.isfinite(table["gc"].to_numpy())
    finite = np.isfinite(vectors).all(axis=1) & (np.isfinite(untrained).all(axis=1) | ~compared)
    rows = np.flatnonzero(finite & known)
    if len(rows) == 0:
        raise InputError(f"{embeddings}: none of {len(table)} windows has both bases and an embedding")
    order = rows[np.lexsort((table["start"].to_numpy()[rows], contigs[rows]))]
    dropped = {"not_finite": int((known & ~finite).sum()), "no_bases": int((~known).sum())}
    LOGGER.info("%d windows, left out: %s", len(order), dropped)
    table, contigs = table.iloc[order].reset_index(drop=True), contigs[order]
    vectors, untrained, compared = vectors[order], untrained[order], compared[order]

    components, shares = principal_components(vectors, seed)
    clusters, about = find_clusters(components, seed)
    numbers, cosines = nearest_windows(components, contigs, table["start"].to_numpy(), table["end"].to_numpy(), seed)
    write_neighbours(Path(neighbourhood), table, numbers, cosines)
    positions = umap_positions(components, seed, max_points, neighbours, min_dist)
    _write_umap(Path(umap), table, positions, components, clusters)
    LOGGER.info("map done, %d clusters", clusters.max() + 1)
    lengths = genome.contigs["length"].to_numpy()[contigs]
    part = table[compared].reset_index(drop=True)
    both = {"model": vectors[compared], "untrained": untrained[compared]}
    result = compare_representations(part, contigs[compared], both, sequence_folder, seed)
    result |= {
        "windows": len(order),
        "compared": len(part),
        "dropped": dropped,
        "umap": {"fitted": min(len(order), max_points), "neighbours": neighbours, "min_dist": min_dist, "seed": seed},
        "pca": describe_components(components, shares, table["gc"].to_numpy()),
        "clusters": describe_clusters(table, clusters, about),
        "axes": describe_axes(table, positions, components, lengths),
    }
    write_json(Path(metrics), result)


def _read(path: Path) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """The table of windows, both embeddings, float32 (windows, dim), NaN where there is none, and which have both."""
    stored = pq.read_table(path)
    vectors = []
    for name in ("embedding", "untrained"):
        column = stored[name].combine_chunks()
        matrix = np.array(column.values, dtype=np.float32).reshape(len(column), -1)
        matrix[~np.asarray(column.is_valid())] = np.nan
        vectors.append(matrix)
    compared = np.array(stored["untrained"].is_valid())
    names = [*COLUMNS, *(name for name in INTERVALS if name in stored.column_names)]
    return stored.select(names).to_pandas(), vectors[0], vectors[1], compared


def _write_umap(
    path: Path, table: pd.DataFrame, positions: np.ndarray, components: np.ndarray, clusters: np.ndarray
) -> None:
    second = components[:, 1] if components.shape[1] > 1 else np.zeros(len(components), dtype=np.float32)
    columns = {"umap_1": positions[:, 0], "umap_2": positions[:, 1], "pca_1": components[:, 0], "pca_2": second}
    with atomic_path(path) as temporary:
        table.assign(**columns, cluster=clusters).to_parquet(temporary, index=False)
