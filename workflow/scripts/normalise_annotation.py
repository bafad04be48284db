"""Write an annotation as sorted, indexed GFF3 on the genome's contigs, and what was found in it."""

from genoglot.annotation.normalise import normalise_annotation
from genoglot.scripting import logged

origin = snakemake.params.origin

with logged(snakemake.log[0], origins={snakemake.input.annotation: origin} if origin else None):
    normalise_annotation(
        source=snakemake.input.annotation,
        contigs_tsv=snakemake.input.contigs,
        gff=snakemake.output.gff,
        report=snakemake.output.report,
        names=snakemake.input.names,
    )
