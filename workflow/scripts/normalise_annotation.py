"""Write an annotation as sorted, indexed GFF3 on the genome's contigs, and what was found in it."""

from genoglot.genome.annotation import normalise_annotation
from genoglot.scripting import logged

with logged(snakemake.log[0], origins={snakemake.input.annotation: snakemake.params.origin}):
    normalise_annotation(
        source=snakemake.input.annotation,
        contigs_tsv=snakemake.input.contigs,
        gff=snakemake.output.gff,
        report=snakemake.output.report,
    )
