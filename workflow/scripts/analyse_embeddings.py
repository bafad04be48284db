"""Project embeddings to two dimensions, and measure how well they tell region classes apart."""

from pathlib import Path

from genoglot.embeddings.analysis import analyse_embeddings
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    analyse_embeddings(
        embeddings=snakemake.input.embeddings,
        sequence_folder=Path(snakemake.input.bases).parent,
        umap=snakemake.output.umap,
        metrics=snakemake.output.metrics,
        neighbourhood=snakemake.output.neighbours,
        seed=snakemake.params.seed,
        max_points=snakemake.params.max_points,
        neighbours=snakemake.params.neighbours,
        min_dist=snakemake.params.min_dist,
    )
