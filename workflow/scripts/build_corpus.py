"""Join the windows of a corpus' genomes and write its manifest."""

from genoglot.corpus.windows import build_corpus
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    build_corpus(
        parts=list(snakemake.input.parts),
        windows=snakemake.output.windows,
        manifest=snakemake.output.manifest,
        name=snakemake.wildcards.corpus,
        settings=snakemake.params.settings,
        genomes=dict(zip(snakemake.params.settings["genomes"], snakemake.input.genomes, strict=True)),
    )
