"""The annotation of a reference genome, moved to a genome derived from it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.annotation.gff import COLUMNS, KEPT_DIRECTIVES, attribute_values, read_rows
from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.population.chain import Chain

logger = logging.getLogger(__name__)

FRAMESHIFT = "frameshift=true"


def lift_annotation(gff: Path, chain: Path, output: Path, report: Path) -> None:
    """Write the annotation of a reference in the coordinates of a genome derived from it.

    A feature keeps the bases that both genomes have: an end that was deleted moves inwards to the next base that is
    still there. Features of which nothing is left are left out. Inserted bases belong to the features they lie in,
    not to those they lie beside. Bases that a complex variant replaced by more or fewer count as deleted and inserted.

    Attributes and the phases of CDS stay as they are, also where variants have shifted the frame, and so do the
    positions that some attributes hold (`transl_except`). Where the CDS of a transcript has become longer or shorter
    by a number of bases that is no multiple of three, the parent of its CDS rows (the rows themselves, if the parent
    is not in the file) gets the attribute `frameshift=true`.

    Args:
        gff: GFF3 of the reference, as `normalise_annotation` writes it.
        chain: chain file with the derived genome as target, as `derive_haplotype` writes it.
        output: plain GFF3, in the order of `gff`, without `##sequence-region`, which `normalise_annotation` writes.
        report: output JSON: `features` (written), `clipped` (of these, with a deleted end), `left_out`,
            `left_out_types`, `frameshifts` (transcripts).

    Raises:
        InputError: nothing is left of any feature, as when the chain is of another genome.
    """
    rows, directives = read_rows(gff)
    pairs, clipped = _lifted(rows, Chain.read(chain))
    there = pairs[:, 0] >= 0
    if not there.any():
        raise InputError(
            f"{gff}: none of its {len(rows)} features has a place in the derived genome; its contigs are "
            f"{', '.join(rows['contig'].unique()[:5])}: expected the annotation of the reference of {chain}"
        )
    marked, frameshifts = _frameshifted(rows, pairs)
    attributes = rows["attributes"].str.rstrip(";").replace(".", "")
    attributes = (attributes + ";" + FRAMESHIFT).str.lstrip(";").where(marked, rows["attributes"])
    lifted = rows.assign(start=pairs[:, 0] + 1, end=pairs[:, 1], attributes=attributes)[there]
    with atomic_path(Path(output)) as partial, open(partial, "w", newline="") as handle:
        kept = [text for text in directives if text.startswith(KEPT_DIRECTIVES)]
        handle.write("".join(f"{line}\n" for line in ["##gff-version 3", *kept]))
        # quoting=3 (none): a GFF3 field is written as it is
        lifted[COLUMNS].to_csv(handle, sep="\t", header=False, index=False, quoting=3)
    summary = _summary(rows["type"][~there], int(there.sum()), int(clipped.sum()), frameshifts)
    write_json(Path(report), summary)
    logger.info("%s: %d features lifted, %d left out", gff, summary["features"], summary["left_out"])


def _lifted(rows: pd.DataFrame, chain: Chain) -> tuple[np.ndarray, np.ndarray]:
    """Intervals on the derived genome, int64 (rows, 2), -1 where nothing is left; and whether an end was deleted."""
    pairs = np.empty((len(rows), 2), dtype=np.int64)
    clipped = np.empty(len(rows), dtype=bool)
    starts, ends = rows["start"].to_numpy() - 1, rows["end"].to_numpy()
    for contig, numbers in rows.groupby("contig", sort=False).indices.items():
        pairs[numbers], clipped[numbers] = chain.intervals_to_target(str(contig), starts[numbers], ends[numbers])
    return pairs, clipped


def _frameshifted(rows: pd.DataFrame, pairs: np.ndarray) -> tuple[pd.Series, int]:
    """Which rows are to be marked, and for how many transcripts."""
    values = attribute_values(rows["attributes"], ["ID", "Parent"])
    change = (pairs[:, 1] - pairs[:, 0]) - (rows["end"] - rows["start"] + 1)
    # a CDS without a parent is a transcript by itself: its rows share an ID, or else stand alone
    alone = values["ID"].where(values["ID"] != "", "line " + rows["line"].astype(str))
    owner = values["Parent"].where(values["Parent"] != "", alone)
    cds = pd.DataFrame({"owner": owner.str.split(","), "change": change, "row": np.arange(len(rows))})
    cds = cds[rows["type"] == "CDS"].explode("owner", ignore_index=True)
    total = cds.groupby("owner")["change"].sum()
    shifted = set(total.index[total % 3 != 0])
    marked = (values["ID"] != "") & values["ID"].isin(shifted)
    orphans = cds["owner"].isin(shifted - set(values["ID"]))
    marked.iloc[cds.loc[orphans, "row"].unique()] = True
    return marked, len(shifted)


def _summary(left_out: pd.Series, features: int, clipped: int, frameshifts: int) -> dict[str, Any]:
    return {
        "features": features,
        "clipped": clipped,
        "left_out": len(left_out),
        "left_out_types": {str(name): int(count) for name, count in left_out.value_counts().sort_index().items()},
        "frameshifts": frameshifts,
    }
