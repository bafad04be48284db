"""Fetch a BED of a corpus, from this machine or over the network, and check it."""

from genoglot.scripting import logged
from genoglot.sources.fetch import fetch

with logged(snakemake.log[0]):
    fetch(
        source=snakemake.params.source,
        destination=snakemake.output.bed,
        mirrors=snakemake.params.mirrors,
        record=snakemake.output.record,
    )
