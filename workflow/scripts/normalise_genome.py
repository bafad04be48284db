"""Write a genome's FASTA as indexed bgzip, cleaned, and what was found in it."""

from genoglot.genome.fasta import normalise_fasta
from genoglot.scripting import logged

origin = snakemake.params.origin

with logged(snakemake.log[0], origins={snakemake.input.fasta: origin} if origin else None):
    normalise_fasta(
        source=snakemake.input.fasta,
        fasta=snakemake.output.fasta,
        report=snakemake.output.report,
        name=snakemake.wildcards.genome,
        cleaning=snakemake.params.cleaning,
        repeats=snakemake.input.repeats or None,
        aliases=snakemake.input.aliases or None,
    )
