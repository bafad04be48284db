"""Label scored variants, and measure how well the scores tell classes apart and follow allele frequency."""

from pathlib import Path

from genoglot.scripting import logged
from genoglot.variants.evaluation import Evidence, evaluate_variants

files = snakemake.input
judgement = snakemake.params.judgement

with logged(snakemake.log[0], origins={str(files.labels): judgement["label_source"]} if files.labels else None):
    evaluate_variants(
        scores=files.scores,
        sequence=Path(files.bases).parent,
        evidence=Evidence.of(
            judgement,
            annotation=files.annotation,
            regions=files.regions,
            vcf=files.vcf,
            label_table=files.labels,
            conservation=files.conservation,
        ),
        settings=judgement,
        labelled=snakemake.output.labelled,
        metrics=snakemake.output.metrics,
        report=snakemake.output.report,
        seed=snakemake.params.seed,
        contigs=snakemake.params.contigs,
        names=files.names,
    )
