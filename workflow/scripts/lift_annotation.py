"""Move a reference's annotation to a genome derived from it."""

from genoglot.population.lift import lift_annotation
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    lift_annotation(
        gff=snakemake.input.gff,
        chain=snakemake.input.chain,
        output=snakemake.output.gff,
        report=snakemake.output.report,
    )
