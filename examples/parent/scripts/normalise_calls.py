"""Put calls into one form: an allele a record, indels as far left as they go, in the order of the genome."""

import sys

import pysam.bcftools

with open(snakemake.log[0], "w") as sys.stderr:
    # bcftools writes the index of the FASTA beside it
    split = pysam.bcftools.norm("-f", snakemake.input.genome, "-m", "-any", snakemake.input.vcf)
    with open(snakemake.output.vcf, "w") as file:
        file.write(split)
