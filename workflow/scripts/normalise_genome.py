"""Write a genome's FASTA as indexed bgzip, and what was found in it."""

from genoglot.genome.fasta import normalise_fasta
from genoglot.scripting import logged

with logged(snakemake.log[0], origins={snakemake.input.fasta: snakemake.params.origin}):
    normalise_fasta(
        source=snakemake.input.fasta,
        fasta=snakemake.output.fasta,
        report=snakemake.output.report,
        name=snakemake.wildcards.genome,
    )
