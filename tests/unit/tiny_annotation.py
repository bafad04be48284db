"""What tests of annotations need of a genome."""

from pathlib import Path

import pandas as pd


def write_contigs(folder: Path, lengths: dict[str, int]) -> Path:
    offsets = pd.Series(lengths).cumsum() - pd.Series(lengths)
    table = pd.DataFrame({"contig": list(lengths), "length": list(lengths.values()), "offset": offsets.to_numpy()})
    table.to_csv(folder / "contigs.tsv", sep="\t", index=False)
    return folder / "contigs.tsv"
