"""Score all substitutions of all sites of a part of a scan."""

from pathlib import Path

from genoglot.scans.scan import scan_sites
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    scan_sites(
        model=Path(snakemake.input.model[0]).parent,
        markov=snakemake.input.markov,
        sequence=Path(snakemake.input.bases).parent,
        output=snakemake.output.sites,
        settings={**snakemake.params.settings, "batch_size": snakemake.params.batch_size},
        threads=snakemake.threads,
        part=int(snakemake.wildcards.chunk),
        parts=int(snakemake.wildcards.chunks),
        contigs=snakemake.params.contigs,
        bed=snakemake.input.bed or None,
        names=snakemake.input.names,
    )
