"""Recipes: on which stretches of a genome the windows of a corpus lie."""

import difflib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.annotation.features import EXON_TYPES
from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.genome.bed import read_bed
from genoglot.genome.bedtools import bedtools, from_bedtools, to_bedtools
from genoglot.genome.region_features import region_features

INTERVAL = ["contig", "start", "end", "strand"]
SHOWN = 10


def find_stretches(
    genome: str,
    contigs: pd.DataFrame,
    settings: dict[str, Any],
    annotation: Path | None = None,
    include: Path | None = None,
    names: Path | None = None,
) -> pd.DataFrame:
    """Stretches of a genome to be cut into windows: columns contig, start, end; sorted and disjoint.

    `all`: whole contigs. `features`: the annotation's features of some types, with a flank. `bed`: the intervals of
    `include`, with a flank. `balanced`: exons and promoters, with a flank; `windows.make_windows` adds the random
    windows. What is shorter than a window is widened on both sides to one, within its contig, and what then overlaps
    or touches is joined.

    `balanced` follows GPN's recipe (Benegas, Batra & Song 2023, doi:10.1073/pnas.2311219120): exons, and promoters of
    1000 bases upstream of each transcript, both with a flank of half a window. Other than there, the flank is a
    setting; promoters precede genes and non-coding RNAs too, and none of pseudogenes and mobile elements; CDS counts
    as exon, for annotations without exons; stretches are not cut at N (`max_n` filters windows) and not shifted
    (`jitter` shifts windows).

    Args:
        genome: its name, for messages.
        contigs: columns contig and length, in the order of the FASTA.
        settings: of the corpus; `window` and `recipe` are read.
        annotation: normalised GFF3, for `features` and `balanced`.
        include: BED file, for `bed` alone.
        names: `names.tsv` of the genome, for the BED file.

    Raises:
        InputError: the recipe needs a file that is not given, or the file does not hold what the recipe asks for.
    """
    recipe = settings["recipe"]
    kind = recipe["type"]
    if include is not None and kind != "bed":
        raise InputError(
            f"genome {genome}: the corpus includes the regions of {include}, and its recipe is {kind}; "
            "make the recipe `bed`, or remove the file from `include`"
        )
    if kind == "all":
        return pd.DataFrame({"contig": contigs["contig"], "start": 0, "end": contigs["length"]})
    if kind == "bed":
        if include is None:
            raise InputError(f"genome {genome}: the recipe bed needs a BED file for it in the corpus' `include`")
        chosen = read_bed(include, contigs, names).assign(strand=".")
    else:
        if annotation is None:
            raise InputError(
                f"genome {genome}: the recipe {kind} needs an annotation; give one in the sheet of genomes"
            )
        features = read_annotation(annotation)
        if kind == "features":
            chosen = _of_types(features, recipe["features"], annotation)
        else:
            chosen = _exons(features, annotation)
    with bedtools(contigs) as sizes:
        if kind == "balanced":
            chosen = pd.concat([chosen, _promoters(features, recipe["promoter_upstream"], sizes)])
        flanked = to_bedtools(chosen).slop(g=sizes, b=recipe["flank"])
        widened = _widened(from_bedtools(flanked.sort(g=sizes).merge()), contigs, settings["window"])
        return from_bedtools(to_bedtools(widened.assign(strand=".")).sort(g=sizes).merge())


def _of_types(features: pd.DataFrame, types: list[str], annotation: Path) -> pd.DataFrame:
    known = features["type"].value_counts()
    for name in types:
        if name not in known:
            by_lower = {kind.lower(): kind for kind in known.index}
            near = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3)]
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            listed = ", ".join(f"{kind} ({count})" for kind, count in known.head(SHOWN).items())
            more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
            raise InputError(f"{annotation}: no features of type {name!r}; {hint}it has {listed}{more}")
    return features.loc[features["type"].isin(types), INTERVAL]


def _exons(features: pd.DataFrame, annotation: Path) -> pd.DataFrame:
    exons = features.loc[features["type"].isin([*EXON_TYPES, "CDS"]), INTERVAL]
    if exons.empty:
        found = ", ".join(features["type"].value_counts().head(SHOWN).index)
        raise InputError(
            f"{annotation}: no features of type exon or CDS, on which the windows of the recipe balanced lie; it has "
            f"{found}; use the recipe features with a type that it has"
        )
    return exons


def _promoters(features: pd.DataFrame, upstream: int, sizes: str) -> pd.DataFrame:
    """The bases upstream of the 5' ends of genes and transcripts, as `regions.classify_regions` counts them."""
    owners = region_features(features)["promoter"]
    owners = owners[owners["strand"] != "."]
    if owners.empty or not upstream:
        return owners.head(0)
    return from_bedtools(to_bedtools(owners).flank(g=sizes, l=upstream, r=0, s=True)).assign(strand=".")


def _widened(stretches: pd.DataFrame, contigs: pd.DataFrame, window: int) -> pd.DataFrame:
    """Stretches below a window's length made as long as one, evenly on both sides, but not past the contig's ends."""
    length = stretches["contig"].map(contigs.set_index("contig")["length"]).to_numpy()
    start, end = stretches["start"].to_numpy(), stretches["end"].to_numpy()
    short = end - start < window
    first = np.clip(start - (window - (end - start)) // 2, 0, np.maximum(length - window, 0))
    start = np.where(short, first, start)
    end = np.where(short, np.minimum(first + window, length), end)
    return stretches.assign(start=start, end=end)
