"""Write the report, one page that stands by itself."""

from genoglot.report.page import write_report
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    write_report(
        html=snakemake.output.html,
        manifest=snakemake.params.manifest,
        benchmarks=snakemake.params.benchmarks,
    )
