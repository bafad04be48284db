"""Join the parts of a scan; make tracks for a browser and a summary of them."""

from pathlib import Path

from genoglot.scans.gather import gather_scan
from genoglot.scripting import logged

wildcards = snakemake.wildcards

with logged(snakemake.log[0]):
    gather_scan(
        parts=list(snakemake.input.chunks),
        sequence=Path(snakemake.input.bases).parent,
        regions=snakemake.input.regions,
        output=snakemake.output.table,
        tracks={"max": snakemake.output.highest, "mean": snakemake.output.mean},
        summary=snakemake.output.summary,
        description={"scan": wildcards.scan, "model": wildcards.model, "mode": snakemake.params.mode},
        contigs=snakemake.params.contigs,
        bed=snakemake.input.bed or None,
        names=snakemake.input.names,
    )
