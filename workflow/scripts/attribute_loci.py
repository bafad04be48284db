"""Ask a task's head what its predictions for loci rest on."""

from pathlib import Path

from genoglot.interpretation.attributions import attribute_loci
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    attribute_loci(
        backbone=Path(snakemake.input.model[0]).parent,
        head=Path(snakemake.input.head).parent,
        sequence=Path(snakemake.input.bases).parent,
        output=snakemake.output.attributions,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        names=snakemake.input.names,
        bed=snakemake.input.bed or None,
        variants=snakemake.input.variants or None,
    )
