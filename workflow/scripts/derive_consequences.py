"""Derive single-base changes of known consequence from a genome's annotation."""

from pathlib import Path

from genoglot.genome.consequences import derive_consequences
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    derive_consequences(
        annotation=snakemake.input.annotation,
        sequence_folder=Path(snakemake.input.bases).parent,
        fasta=snakemake.input.fasta,
        vcf=snakemake.output.vcf,
        contigs=snakemake.params.contigs,
        max_per_class=snakemake.params.max_per_class,
        seed=snakemake.params.seed,
        name=snakemake.wildcards.genome,
    )
