"""Apply a sample's haplotype to a reference, and write how positions correspond."""

from genoglot.population.haplotype import derive_haplotype
from genoglot.scripting import logged

with logged(snakemake.log[0], origins={snakemake.input.vcf: snakemake.params.origin}):
    derive_haplotype(
        reference=snakemake.input.fasta,
        vcf=snakemake.input.vcf,
        sample=snakemake.params.sample,
        haplotype=int(snakemake.params.haplotype),
        fasta=snakemake.output.fasta,
        chain=snakemake.output.chain,
        report=snakemake.output.report,
        names=snakemake.input.names,
    )
