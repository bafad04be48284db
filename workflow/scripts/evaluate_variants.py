"""Label scored variants with their consequences, and measure how well the scores tell those apart."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.variants.evaluation import evaluate_variants

with logged(snakemake.log[0]):
    evaluate_variants(
        scores=snakemake.input.scores,
        annotation=snakemake.input.annotation or None,
        sequence_folder=Path(snakemake.input.bases).parent,
        labelled=snakemake.output.labelled,
        metrics=snakemake.output.metrics,
        bootstraps=snakemake.params.bootstraps,
        seed=snakemake.params.seed,
        contigs=snakemake.params.contigs,
        names=snakemake.input.names,
    )
