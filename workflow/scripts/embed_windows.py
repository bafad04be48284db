"""Embed the windows of a genome with a model, and with the same network untrained."""

from pathlib import Path

from genoglot.embeddings import EACH_CONTIG
from genoglot.embeddings.embed import embed_windows
from genoglot.scripting import logged

part, parts = snakemake.wildcards.chunk.split("-of-")

with logged(snakemake.log[0]):
    embed_windows(
        model=Path(snakemake.input.model[0]).parent,
        sequence=Path(snakemake.input.bases).parent,
        regions=snakemake.input.regions,
        output=snakemake.output.embeddings,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        windows=EACH_CONTIG if snakemake.params.contigs else snakemake.input.bed or None,
        names=snakemake.input.names or None,
        part=int(part),
        parts=int(parts),
    )
