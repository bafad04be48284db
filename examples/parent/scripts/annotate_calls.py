"""Write the score of each call beside the genes that it lies in."""

import csv
import re
import sys

import pysam


def genes_at(annotation: pysam.TabixFile, contig: str, start: int, end: int) -> list[str]:
    """IDs of the genes that overlap an interval, 0-based half-open."""
    if contig not in annotation.contigs:
        return []
    rows = [line.split("\t") for line in annotation.fetch(contig, start, end)]
    return [re.search(r"ID=([^;]+)", row[8]).group(1) for row in rows if row[2] == "gene"]


with open(snakemake.log[0], "w") as sys.stderr, open(snakemake.output.table, "w") as file:
    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow(["contig", "position", "ref", "alt", "llr", "genes"])
    with pysam.VariantFile(snakemake.input.vcf) as calls, pysam.TabixFile(snakemake.input.genes) as annotation:
        for call in calls:
            # one ALT allele a record, since the calls are normalised; no score where GLM_REASON says why
            scores = call.info.get("GLM_LLR", (None,))
            score = "" if scores[0] is None else f"{scores[0]:.4f}"
            genes = genes_at(annotation, call.contig, call.start, call.stop)
            table.writerow([call.contig, call.pos, call.ref, call.alts[0], score, ",".join(genes)])
