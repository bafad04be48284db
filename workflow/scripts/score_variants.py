"""Score the variants of a chunk with a model and with the Markov baseline."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.variants.scoring import score_variants

with logged(snakemake.log[0]):
    score_variants(
        vcf=snakemake.input.vcf,
        model=Path(snakemake.input.model[0]).parent,
        markov=snakemake.input.markov,
        sequence=Path(snakemake.input.bases).parent,
        output_vcf=snakemake.output.vcf,
        scores=snakemake.output.scores,
        summary=snakemake.output.summary,
        name=snakemake.wildcards.model,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        threads=snakemake.threads,
        names=snakemake.input.names,
    )
