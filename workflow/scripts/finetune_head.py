"""Fine-tune a model for a task, beside the same network from random weights and a k-mer floor."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tasks.head import finetune_head

with logged(snakemake.log[0]):
    finetune_head(
        model=Path(snakemake.input.model[0]).parent,
        sequence=Path(snakemake.input.bases).parent,
        regions=snakemake.input.regions,
        output=Path(snakemake.output.head).parent,
        task=snakemake.wildcards.task,
        name=snakemake.wildcards.model,
        settings=snakemake.params.settings,
        genome=snakemake.params.genome,
        corpus=snakemake.params.corpus,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
