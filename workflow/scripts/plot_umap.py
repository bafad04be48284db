"""Draw the UMAP of a genome's windows for Snakemake's report."""

from genoglot.report.static import plot_umap
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    plot_umap(
        umap=snakemake.input.umap,
        metrics=snakemake.input.metrics,
        figures=snakemake.output,
    )
