"""Put the members of a sweep side by side, and fit how their loss falls with compute."""

from genoglot.scripting import logged
from genoglot.sweeps.comparison import compare_models

with logged(snakemake.log[0]):
    compare_models(
        sweep=snakemake.wildcards.sweep,
        members=snakemake.params.members,
        training=list(snakemake.input.training),
        metrics=list(snakemake.input.metrics),
        table=snakemake.output.table,
        comparison=snakemake.output.comparison,
    )
