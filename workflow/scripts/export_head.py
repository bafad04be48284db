"""Write a task's head as a Hugging Face folder."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tasks.export import export_head

with logged(snakemake.log[0]):
    export_head(
        backbone=Path(snakemake.input.model[0]).parent,
        head=Path(snakemake.input.head).parent,
        metrics=Path(snakemake.input.metrics),
        output=Path(snakemake.output.config).parent,
    )
