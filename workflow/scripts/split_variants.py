"""Check a file of variants as a whole, and cut it into chunks that are scored by jobs of their own."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.variants.splitting import split_variants

origin = snakemake.params.origin

with logged(snakemake.log[0], origins={snakemake.input.vcf: origin} if origin else None):
    split_variants(
        vcf=snakemake.input.vcf,
        sequence=Path(snakemake.input.bases).parent,
        chunks=snakemake.output.chunks,
        report=snakemake.output.report,
        contigs=snakemake.params.contigs,
        max_mismatch=snakemake.params.max_mismatch,
        names=snakemake.input.names,
    )
