"""Fetch a variant set's VCF, from this machine or over the network, and check it."""

from genoglot.scripting import logged
from genoglot.sources.fetch import fetch

with logged(snakemake.log[0]):
    fetch(
        source=snakemake.params.source,
        destination=snakemake.output.vcf,
        checksum=snakemake.params.checksum,
        mirrors=snakemake.params.mirrors,
        record=snakemake.output.record,
    )
