"""Draw how well a model's scores tell consequences apart for Snakemake's report."""

from genoglot.report.static import plot_auroc
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    plot_auroc(metrics=snakemake.input.metrics, figures=snakemake.output)
