"""Predict a task's examples by what needs no training of networks: k-mers, nearest neighbours, the commonest class."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tasks.baselines import fit_floors

with logged(snakemake.log[0]):
    fit_floors(
        model=Path(snakemake.input.model[0]).parent,
        examples=Path(snakemake.input.examples[0]).parent,
        output=snakemake.output.floors,
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
