"""Apply a task's head to windows of a genome."""

from pathlib import Path

from genoglot.predictions.apply import predict_windows
from genoglot.scripting import logged

wildcards = snakemake.wildcards

with logged(snakemake.log[0]):
    predict_windows(
        backbone=Path(snakemake.input.model[0]).parent,
        head=Path(snakemake.input.head).parent,
        sequence=Path(snakemake.input.bases).parent,
        output=Path(snakemake.output.table).parent,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        description={"prediction": wildcards.prediction, "task": snakemake.params.task, "model": wildcards.model},
        threads=snakemake.threads,
        names=snakemake.input.names,
        contigs=snakemake.params.contigs,
        bed=snakemake.input.bed or None,
    )
