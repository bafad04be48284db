"""Write what a model predicts at loci as tracks, and the hub by which a genome browser finds them."""

from pathlib import Path

from genoglot.interpretation.hub import write_hub
from genoglot.scripting import logged

wildcards = snakemake.wildcards

with logged(snakemake.log[0]):
    write_hub(
        sites=snakemake.input.sites,
        sequence=Path(snakemake.input.contigs).parent,
        folder=Path(snakemake.output.hub).parent,
        name=wildcards.loci,
        model=wildcards.model,
        assembly=snakemake.params.assembly,
    )
