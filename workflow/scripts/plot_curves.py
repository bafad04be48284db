"""Draw a model's training curve for Snakemake's report."""

from genoglot.report.static import plot_curves
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    plot_curves(
        curves=snakemake.input.curves,
        metrics=snakemake.input.metrics,
        figures=snakemake.output,
    )
