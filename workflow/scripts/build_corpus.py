"""Join the windows of a corpus' genomes, measure what is held out of them, and write the manifest."""

from pathlib import Path

from genoglot.corpus.manifest import build_corpus
from genoglot.scripting import logged

genomes = snakemake.params.settings["genomes"]
folders = [Path(bases).parent for bases in snakemake.input.bases]

with logged(snakemake.log[0]):
    build_corpus(
        parts=list(snakemake.input.parts),
        windows=snakemake.output.windows,
        manifest=snakemake.output.manifest,
        name=snakemake.wildcards.corpus,
        settings=snakemake.params.settings,
        genomes=dict(zip(genomes, snakemake.input.genomes, strict=True)),
        sequences=dict(zip(genomes, folders, strict=True)),
        species=snakemake.params.species,
        seed=snakemake.params.seed,
    )
