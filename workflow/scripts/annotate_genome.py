"""Find the genes of a genome by a task's head."""

from pathlib import Path

from genoglot.predictions.annotate import annotate_genome
from genoglot.scripting import logged

wildcards = snakemake.wildcards

with logged(snakemake.log[0]):
    annotate_genome(
        backbone=Path(snakemake.input.model[0]).parent,
        head=Path(snakemake.input.head).parent,
        sequence=Path(snakemake.input.bases).parent,
        output=Path(snakemake.output.genes).parent,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        description={"prediction": wildcards.prediction, "task": snakemake.params.task, "model": wildcards.model},
        threads=snakemake.threads,
        names=snakemake.input.names,
        contigs=snakemake.params.contigs,
    )
