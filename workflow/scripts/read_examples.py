"""Read the labelled examples of a task, and say which of them train, choose the epoch and test."""

from pathlib import Path

from genoglot.examples.reading import read_examples
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    read_examples(
        model=Path(snakemake.input.model).parent,
        sequence=Path(snakemake.input.bases).parent if snakemake.input.bases else None,
        regions=snakemake.input.regions or None,
        names=snakemake.input.names or None,
        annotation=snakemake.input.annotation or None,
        output=Path(snakemake.output.examples).parent,
        settings=snakemake.params.settings,
        genome=snakemake.params.genome,
        corpus=snakemake.params.corpus,
        seed=snakemake.params.seed,
    )
