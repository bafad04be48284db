"""Write every name by which a genome's contigs may be called."""

from genoglot.genome.names import write_names
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    write_names(
        report=snakemake.input.report,
        aliases=snakemake.input.aliases or None,
        output=snakemake.output.names,
    )
