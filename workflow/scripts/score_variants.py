"""Score every record of a VCF with a model and with the Markov baseline."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.variants.scoring import score_variants

origin = snakemake.params.origin

with logged(snakemake.log[0], origins={snakemake.input.vcf: origin} if origin else None):
    score_variants(
        vcf=snakemake.input.vcf,
        model=Path(snakemake.input.model[0]).parent,
        markov=snakemake.input.markov,
        sequence=Path(snakemake.input.bases).parent,
        output_vcf=snakemake.output.vcf,
        scores=snakemake.output.scores,
        summary=snakemake.output.summary,
        name=snakemake.wildcards.model,
        contigs=snakemake.params.contigs,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        threads=snakemake.threads,
        names=snakemake.input.names,
    )
