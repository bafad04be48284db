"""Train a head for a task once, from a pretrained network or from random weights."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tasks.runs import finetune_head

with logged(snakemake.log[0]):
    finetune_head(
        model=Path(snakemake.input.model[0]).parent,
        examples=Path(snakemake.input.examples[0]).parent,
        output=Path(snakemake.output.head).parent,
        name=snakemake.wildcards.model,
        task=snakemake.wildcards.task,
        start=snakemake.wildcards.start,
        seed=snakemake.params.seed + int(snakemake.wildcards.number) - 1,
        settings=snakemake.params.settings,
        threads=snakemake.threads,
    )
