"""A normalised annotation as a table."""

import csv
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from genoglot.annotation.gff import COLUMNS, attribute_values, first_filled

NAME_KEYS = ("Name", "gene_name", "gene", "NAME")
BIOTYPE_KEYS = ("biotype", "transcript_biotype", "gene_biotype", "transcript_type", "gene_type")


def read_annotation(gff: str | Path) -> pd.DataFrame:
    """Features of a normalised GFF3, in file order.

    Columns: contig, source, type, start (0-based), end (exclusive), strand (`+`, `-` or `.`), phase (Int8, -1 where
    unknown), id, parent (comma separated as in the file), name (percent-decoded), biotype, attributes (column 9 as
    written). Text is empty where the file says nothing.
    """
    table = pd.read_csv(
        gff,
        sep="\t",
        names=COLUMNS,
        dtype=str,
        quoting=csv.QUOTE_NONE,
        keep_default_na=False,
        encoding_errors="replace",
    )
    table = table[~table["contig"].str.startswith("#")].reset_index(drop=True)
    values = attribute_values(table["attributes"], ["ID", "Parent", *NAME_KEYS, *BIOTYPE_KEYS])
    return pd.DataFrame(
        {
            "contig": table["contig"],
            "source": table["source"],
            "type": table["type"],
            "start": table["start"].astype("int64") - 1,
            "end": table["end"].astype("int64"),
            "strand": table["strand"].where(table["strand"].isin(["+", "-"]), "."),
            "phase": table["phase"].where(table["phase"].isin(["0", "1", "2"]), "-1").astype("Int8"),
            "id": values["ID"],
            "parent": values["Parent"],
            "name": first_filled(values[list(NAME_KEYS)]).map(unquote),
            "biotype": first_filled(values[list(BIOTYPE_KEYS)]),
            "attributes": table["attributes"],
        }
    )
