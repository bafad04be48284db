"""Compare what a task's head says of the ALT and of the REF alleles of variants."""

from pathlib import Path

from genoglot.predictions.variants import predict_variants
from genoglot.scripting import logged

wildcards = snakemake.wildcards

with logged(snakemake.log[0]):
    predict_variants(
        vcf=snakemake.input.variants,
        backbone=Path(snakemake.input.model[0]).parent,
        head=Path(snakemake.input.head).parent,
        sequence=Path(snakemake.input.bases).parent,
        output=Path(snakemake.output.table).parent,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        description={"prediction": wildcards.prediction, "task": snakemake.params.task, "model": wildcards.model},
        threads=snakemake.threads,
        names=snakemake.input.names,
        contigs=snakemake.params.contigs,
    )
