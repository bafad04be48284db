"""Windows to learn tokens from and to measure them on, for the tests of tokens."""

from pathlib import Path

import numpy as np
import pandas as pd


def write_windows(folder: Path, rows: list[tuple[str, int, int, str]]) -> Path:
    """`windows.parquet` of the genome g."""
    frame = pd.DataFrame(rows, columns=["contig", "start", "end", "split"])
    path = folder / "windows.parquet"
    frame.assign(genome="g", weight=np.float32(1)).to_parquet(path)
    return path
