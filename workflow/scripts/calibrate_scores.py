"""Score substitutions at neutral sites of a genome, for scores of variants to be set against."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.variants.neutral import calibrate_scores

with logged(snakemake.log[0]):
    calibrate_scores(
        model=Path(snakemake.input.model[0]).parent,
        sequence=Path(snakemake.input.bases).parent,
        regions=snakemake.input.regions,
        classes=snakemake.params.classes,
        output=snakemake.output.calibration,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        threads=snakemake.threads,
        seed=snakemake.params.seed,
        names=snakemake.input.names,
    )
