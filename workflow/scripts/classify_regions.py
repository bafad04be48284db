"""Partition a genome into region classes; one class, `unannotated`, where there is no annotation."""

from genoglot.genome.regions import classify_regions
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    classify_regions(
        annotation=snakemake.input.annotation or None,
        contigs_tsv=snakemake.input.contigs,
        bed=snakemake.output.bed,
        promoter_upstream=snakemake.params.promoter_upstream,
    )
