"""Learn a task from few labels, by the pretrained network, from random weights and by k-mers."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tasks.curve import learn_from_few

with logged(snakemake.log[0]):
    learn_from_few(
        model=Path(snakemake.input.model[0]).parent,
        examples=Path(snakemake.input.examples[0]).parent,
        output=snakemake.output.points,
        settings=snakemake.params.settings,
        few_shot=snakemake.params.few_shot,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
