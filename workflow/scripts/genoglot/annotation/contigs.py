"""An annotation on the contigs of its genome: names made the FASTA's, and circles cut open at their origin."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.annotation.gff import SHOWN, refuse
from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames

ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi")
MITOCHONDRION = ("m", "mt", "mito", "mitochondrion", "mtdna")
AFTER_ORIGIN = "-after-origin"


def on_genome_contigs(
    rows: pd.DataFrame, contigs: pd.DataFrame, source: str | Path, names: str | Path | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows under the FASTA's names for their contigs, without those of contigs that cleaning dropped.

    Args:
        rows: table of `gff.read_rows`.
        contigs: contig table of the genome.
        source: the annotation, for messages.
        names: table of the names that each contig may be called by (`names.ContigNames`); None if there is none.

    Returns:
        The rows, and counts: `renamed` (contigs that the annotation calls otherwise), `dropped_contig_features`.

    Raises:
        InputError: a contig is not in the genome, or cleaning dropped all of the annotation's contigs.
    """
    named = rows["contig"].drop_duplicates()
    found = ContigNames.read(names).resolve(named) if names else named
    dropped = named[found == ""]
    if len(dropped) == len(named):
        raise InputError(
            f"{source}: all contigs of the annotation were dropped from the genome when it was cleaned: "
            f"{few(named.tolist())}; change the settings of cleaning, or give the genome without its annotation"
        )
    lost = rows["contig"].isin(dropped)
    meant = dict(zip(named, found.where(found.notna(), named), strict=True))
    renamed = rows[~lost].assign(contig=rows["contig"].map(meant))
    _check_contigs(renamed, contigs, source)
    counts = {
        "renamed": sum(theirs != ours != "" for theirs, ours in meant.items()),
        "dropped_contig_features": int(lost.sum()),
    }
    return renamed.reset_index(drop=True), counts


def _check_contigs(rows: pd.DataFrame, contigs: pd.DataFrame, source: str | Path) -> None:
    """Refuse an annotation that names contigs the genome does not have, and suggest which are meant."""
    known = contigs["contig"].tolist()
    named = rows["contig"].drop_duplicates()
    unknown = named[~named.isin(known)].tolist()
    if not unknown:
        return
    by_key: dict[str, list[str]] = {}
    for name in known:
        by_key.setdefault(_contig_key(name), []).append(name)
    meant = [(name, by_key[_contig_key(name)][0]) for name in unknown if len(by_key.get(_contig_key(name), ())) == 1]
    line = int(rows.loc[rows["contig"] == unknown[0], "line"].iloc[0])
    share = "none" if len(unknown) == len(named) else f"{len(unknown)}"
    table = "the column `aliases` of the sheet of genomes takes a table of names"
    advice = f"give the annotation made for this FASTA; if only the names differ, {table}"
    if meant:
        pairs = ", ".join(f"{ours} in the FASTA for {theirs}" for theirs, ours in meant[:SHOWN])
        advice = f"it seems that names differ: {pairs}; rename them in the annotation, or say so ({table})"
    raise InputError(
        f"{source}, line {line}: {share} of the annotation's {len(named)} contigs "
        f"{'is' if share == 'none' else 'are not'} in the genome. Annotation: {few(unknown)}. "
        f"Genome: {few(known)}. {advice[0].upper()}{advice[1:]}"
    )


def _contig_key(name: str) -> str:
    """What is left of a contig's name without prefix, version and style of numbering."""
    key = re.sub(r"^(chromosome|chr)[_.-]?", "", name.lower())
    key = re.sub(r"\.\d+$", "", key)
    if key in MITOCHONDRION:
        return "mt"
    return str(ROMAN.index(key) + 1) if key in ROMAN else re.sub(r"^0+(?=\d)", "", key)


def cut_at_origin(rows: pd.DataFrame, contigs: pd.DataFrame, source: str | Path) -> tuple[pd.DataFrame, int]:
    """Cut what passes the origin of a circular contig in two; refuse what passes the end of any other.

    GFF3 lets features of a circular contig end past its length. What lies after the origin becomes a feature of its
    own: `-after-origin` is added to its ID, and to the Parent of the features in it; phases follow the cut. As one
    feature, its two ends would span the whole contig.

    Args:
        rows: rows with the columns of `gff.read_rows`, id and parent.
        contigs: contig table of the genome.
        source: the annotation, for messages.

    Returns:
        The rows, and how many passed an origin.

    Raises:
        InputError: a row passes the end of a contig that is not said to be circular, or goes round it more than once.
    """
    length = rows["contig"].map(contigs.set_index("contig")["length"])
    past = rows["end"] > length
    if not past.any():
        return rows, 0
    circular = rows.loc[rows["attributes"].str.contains(r"(?:^|;)\s*Is_circular=true", regex=True), "contig"]
    too_far = (rows["end"] - rows["start"] >= length) | (rows["start"] > 2 * length)
    wrong = rows[past & (~rows["contig"].isin(circular) | too_far)]
    if len(wrong):
        first = wrong.iloc[0]["contig"]
        refuse(
            wrong,
            source,
            "features reach past the end of their contig",
            f"positions up to {length[wrong.index[0]]} on {first}, as in the FASTA; is the annotation of another "
            "assembly version? (On a circular contig, say so by a `region` row with Is_circular=true)",
        )
    crossing = past & (rows["start"] <= length)
    before, after = rows[crossing].assign(end=length), _after_origin(rows, past, length)
    reverse = before["strand"] == "-"
    before["phase"] = _shifted(before["phase"], (rows["end"] - length)[crossing].where(reverse, 0))
    whole = after.index.isin(before.index[~reverse])
    after["phase"] = _shifted(after["phase"], (length - rows["start"] + 1)[past].where(whole, 0))
    return pd.concat([rows[~past], before, after]).sort_index(kind="stable", ignore_index=True), int(past.sum())


def _after_origin(rows: pd.DataFrame, past: pd.Series, length: pd.Series) -> pd.DataFrame:
    """The part of the rows `past` that lies after the origin, under names of its own."""
    after = rows[past].copy()
    after["start"] = np.maximum(after["start"] - length[past], 1)
    after["end"] = after["end"] - length[past]
    # a parent that has no row must be told apart too: its children would be taken for one transcript
    unsplit = set(rows["id"]) - set(after["id"])
    new_ids = [name and name + AFTER_ORIGIN for name in after["id"]]
    new_parents = [
        ",".join(name if name in unsplit else name + AFTER_ORIGIN for name in text.split(",")) if text else ""
        for text in after["parent"]
    ]
    texts = zip(after["attributes"], new_ids, new_parents, strict=True)
    attributes = [_with_value(_with_value(text, "ID", name), "Parent", parent) for text, name, parent in texts]
    return after.assign(id=new_ids, parent=new_parents, attributes=attributes)


def _with_value(attributes: str, key: str, value: str) -> str:
    return re.sub(rf"((?:^|;) *{key} *=)[^;]*", lambda found: found.group(1) + value, attributes)


def _shifted(phase: pd.Series, cut: pd.Series) -> pd.Series:
    """Phases of rows that lost `cut` bases at their 5' end."""
    known = phase.isin(["0", "1", "2"])
    shifted = (pd.to_numeric(phase.where(known, "0")) - cut) % 3
    return phase.where(~known, shifted.astype("int64").astype(str))
