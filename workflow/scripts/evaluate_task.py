"""Measure what was learnt of a task, seed by seed, beside its twin from random weights and the floors."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tasks.evaluation import evaluate_task

with logged(snakemake.log[0]):
    evaluate_task(
        examples=Path(snakemake.input.examples[0]).parent,
        runs=[Path(run).parent for run in snakemake.input.runs],
        floors=snakemake.input.floors,
        few_shot=snakemake.input.few_shot or None,
        output=Path(snakemake.output.head).parent,
        task=snakemake.wildcards.task,
        name=snakemake.wildcards.model,
        kind=snakemake.params.kind,
        mode=snakemake.params.mode,
        seed=snakemake.params.seed,
    )
