"""Turn a FASTA into one byte a base and a table of contigs."""

from genoglot.genome.fasta import tokenize
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    tokenize(
        fasta=snakemake.input.fasta,
        bases=snakemake.output.bases,
        contigs=snakemake.output.contigs,
    )
