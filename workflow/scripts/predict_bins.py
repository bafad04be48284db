"""Apply a task's head to the bins of a genome."""

from pathlib import Path

from genoglot.predictions.bins import predicted_bins, write_bins
from genoglot.scripting import logged

wildcards = snakemake.wildcards

with logged(snakemake.log[0]):
    output = Path(snakemake.output.bed).parent
    described = {"prediction": wildcards.prediction, "task": snakemake.params.task, "model": wildcards.model}
    with predicted_bins(
        backbone=Path(snakemake.input.model[0]).parent,
        head=Path(snakemake.input.head).parent,
        sequence=Path(snakemake.input.bases).parent,
        output=output,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        threads=snakemake.threads,
        names=snakemake.input.names,
        contigs=snakemake.params.contigs,
    ) as made:
        write_bins(made, output, described)
