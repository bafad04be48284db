"""Measure a model's likelihoods on held-out windows, beside the Markov baselines."""

from pathlib import Path

from genoglot.model.evaluation import evaluate_model
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    genomes = snakemake.params.genomes
    folders = [Path(bases).parent for bases in snakemake.input.bases]
    evaluate_model(
        model=Path(snakemake.input.model[0]).parent,
        windows=snakemake.input.windows,
        sequences=dict(zip(genomes, folders, strict=True)),
        regions=dict(zip(genomes, snakemake.input.regions, strict=True)),
        markov=snakemake.input.markov,
        metrics=snakemake.output.metrics,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
