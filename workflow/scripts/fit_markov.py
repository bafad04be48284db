"""Fit the Markov baselines on the training windows of a corpus."""

from pathlib import Path

from genoglot.corpus.markov import fit_markov
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    folders = [Path(bases).parent for bases in snakemake.input.bases]
    fit_markov(
        windows=snakemake.input.windows,
        sequences=dict(zip(snakemake.params.genomes, folders, strict=True)),
        output=snakemake.output.markov,
    )
