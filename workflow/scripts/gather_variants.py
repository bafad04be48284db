"""Put the scored chunks of a variant set together."""

from genoglot.scripting import logged
from genoglot.variants.gathering import gather_variants

with logged(snakemake.log[0]):
    gather_variants(
        vcfs=snakemake.input.vcfs,
        tables=snakemake.input.scores,
        summaries=snakemake.input.summaries,
        report=snakemake.input.report,
        output_vcf=snakemake.output.vcf,
        scores=snakemake.output.scores,
        summary=snakemake.output.summary,
    )
