"""Scored chunks put together again: one VCF with its index, one table, one summary."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pysam

from genoglot.files import atomic_path, read_json, write_json
from genoglot.variants.counts import Counts
from genoglot.variants.fields import VcfWriter
from genoglot.variants.records import open_variants


def gather_variants(
    vcfs: Sequence[Path],
    tables: Sequence[Path],
    summaries: Sequence[Path],
    report: Path,
    output_vcf: Path,
    scores: Path,
    summary: Path,
) -> None:
    """Put the chunks of `scoring.score_variants` together, in order; the VCF gets its tabix index (.tbi).

    `report` is that of `splitting.split_variants`, whose counts go into the summary.
    """
    counts = Counts()
    for path in summaries:
        counts.add_summary(read_json(path))
    index = Path(f"{output_vcf}.tbi")
    with atomic_path(output_vcf) as vcf_path, atomic_path(index) as index_path, atomic_path(scores) as scores_path:
        writer = VcfWriter(vcf_path, open_variants(vcfs[0]).header)
        for path in vcfs:
            writer.append(path)
        writer.close()
        pysam.tabix_index(str(vcf_path), preset="vcf", index=str(index_path), force=True)
        with pq.ParquetWriter(scores_path, pq.read_schema(tables[0]), compression="zstd") as parquet:
            for path in tables:
                source = pq.ParquetFile(path)
                for group in range(source.num_row_groups):
                    parquet.write_table(source.read_row_group(group))
    split = read_json(report)
    kept = {key: split[key] for key in ("contigs", "ref_checked", "ref_mismatches")}
    write_json(summary, {"model": read_json(summaries[0])["model"], **counts.describe(), **kept})
