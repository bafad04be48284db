"""Pretrain a model on a corpus, going on from the last checkpoint if there is one."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.training.distribution import start_on_all_nodes
from genoglot.training.pretraining import pretrain

# before the log is opened, which is the first task's
start_on_all_nodes(snakemake.params.hardware["nodes"], snakemake.threads)

with logged(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    folders = [Path(bases).parent for bases in inputs.bases]
    pretrain(
        windows=Path(inputs.windows),
        manifest=Path(inputs.manifest),
        sequences=dict(zip(params.genomes, folders, strict=True)),
        output=Path(snakemake.output.weights).parent,
        state=Path(params.state),
        architecture=params.architecture,
        training=params.training,
        hardware=params.hardware,
        seed=params.seed,
        threads=snakemake.threads,
        tokenizer=Path(inputs.tokenizer[0]).parent if inputs.tokenizer else None,
        regions=dict(zip(params.labelled, map(Path, inputs.regions), strict=True)),
        memory_mb=snakemake.resources.get("mem_mb"),
        init_from=Path(inputs.init_from[0]).parent if inputs.init_from else None,
    )
