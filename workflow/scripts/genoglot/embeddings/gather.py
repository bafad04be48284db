"""The parts of a genome's embeddings as one table."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.files import atomic_path

ROWS = 65_536  # of a row group


def gather_embeddings(parts: Sequence[Path], output: Path) -> None:
    """Join the tables of `embed_windows`, given in order; row groups are the same whatever the parts were."""
    schema = pq.read_schema(parts[0])
    with atomic_path(Path(output)) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for path in parts:
            source = pq.ParquetFile(path)
            for group in range(source.num_row_groups):
                waiting.append(source.read_row_group(group))
                while sum(map(len, waiting)) >= ROWS:
                    joined = pa.concat_tables(waiting)
                    writer.write_table(joined.slice(0, ROWS))
                    waiting = [joined.slice(ROWS)]
        rest = pa.concat_tables(waiting) if waiting else None
        if rest is not None and len(rest):
            writer.write_table(rest)
