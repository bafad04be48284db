"""Draw logos, in-silico mutagenesis and dependency maps of loci."""

from genoglot.interpretation.figures import draw_loci
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    draw_loci(
        sites=snakemake.input.sites,
        dependencies=snakemake.input.dependencies,
        attention=snakemake.input.attention,
        summary=snakemake.input.summary,
        attributions=dict(zip(snakemake.params.tasks, snakemake.input.attributions, strict=True)),
        folder=snakemake.output.figures,
        pictures=snakemake.output.pictures,
    )
