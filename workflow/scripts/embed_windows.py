"""Embed the windows of a genome with a model, and with the same network untrained."""

from pathlib import Path

from genoglot.embeddings.embed import embed_windows
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    embed_windows(
        model=Path(snakemake.input.model[0]).parent,
        sequence=Path(snakemake.input.bases).parent,
        regions=snakemake.input.regions,
        output=snakemake.output.embeddings,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
