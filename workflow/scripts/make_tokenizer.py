"""Make a tokenizer, trained on a corpus if it learns, and measure it on held-out windows."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.tokens.files import write_tokenizer

with logged(snakemake.log[0]):
    folders = [Path(bases).parent for bases in snakemake.input.bases]
    write_tokenizer(
        settings=snakemake.params.settings,
        output=Path(snakemake.output.tokenizer).parent,
        windows=snakemake.input.windows,
        sequences=dict(zip(snakemake.params.genomes, folders, strict=True)),
        seed=snakemake.params.seed,
    )
