"""Fetch what a variant set's scores are judged by, over the network: labels, or a track of conservation."""

from genoglot.scripting import logged
from genoglot.sources.fetch import fetch

with logged(snakemake.log[0]):
    fetch(
        source=snakemake.params.source,
        destination=snakemake.output.file,
        mirrors=snakemake.params.mirrors,
        record=snakemake.output.record,
    )
