"""Draw the ROC curves of a task and what was learnt of it from few labels, for Snakemake's report."""

from genoglot.report.static import plot_few_shot, plot_roc
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    plot_roc(metrics=snakemake.input.metrics, figures=[snakemake.output.roc_svg, snakemake.output.roc_png])
    plot_few_shot(
        metrics=snakemake.input.metrics, figures=[snakemake.output.few_shot_svg, snakemake.output.few_shot_png]
    )
