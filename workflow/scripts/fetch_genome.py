"""Fetch a genome's FASTA, from this machine or over the network, and check it."""

from genoglot.scripting import logged
from genoglot.sources.fetch import fetch
from genoglot.sources.location import mirrored

with logged(snakemake.log[0]):
    fetch(
        source=mirrored(snakemake.params.source, snakemake.params.mirrors),
        destination=snakemake.output.fasta,
        checksum=snakemake.params.checksum,
    )
