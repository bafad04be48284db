"""Cut one genome of a corpus into windows."""

from pathlib import Path

from genoglot.corpus.windows import make_windows
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    make_windows(
        sequence=Path(snakemake.input.bases).parent,
        output=snakemake.output.windows,
        genome=snakemake.wildcards.genome,
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
        annotation=snakemake.input.annotation or None,
        include=snakemake.input.include or None,
        exclude=snakemake.input.exclude or None,
        names=snakemake.input.names,
    )
