"""Draw a sweep's loss against compute for Snakemake's report."""

from genoglot.report.static import plot_comparison
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    plot_comparison(comparison=snakemake.input.comparison, figures=snakemake.output)
