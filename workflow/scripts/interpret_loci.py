"""Predict the bases of loci, score all substitutions there, and make their dependency maps."""

from pathlib import Path

from genoglot.interpretation.interpret import interpret_loci
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    interpret_loci(
        model=Path(snakemake.input.model[0]).parent,
        sequence=Path(snakemake.input.bases).parent,
        sites=snakemake.output.sites,
        dependencies=snakemake.output.dependencies,
        attention=snakemake.output.attention,
        summary=snakemake.output.summary,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        threads=snakemake.threads,
        names=snakemake.input.names,
        bed=snakemake.input.bed or None,
        variants=snakemake.input.variants or None,
    )
