"""Pretrain a model on a corpus, going on from the last checkpoint if there is one."""

from pathlib import Path

from genoglot.model.training import pretrain
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    folders = [Path(bases).parent for bases in snakemake.input.bases]
    start = snakemake.input.init_from
    pretrain(
        windows=snakemake.input.windows,
        manifest=snakemake.input.manifest,
        sequences=dict(zip(snakemake.params.genomes, folders, strict=True)),
        output=Path(snakemake.output.weights).parent,
        state=Path(snakemake.params.state),
        architecture=snakemake.params.architecture,
        training=snakemake.params.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        init_from=Path(start[0]).parent if start else None,
    )
