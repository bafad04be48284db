"""A corpus: the windows of its genomes joined, and the manifest that says what it holds and what was held out."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.corpus.leakage import shared_kmers
from genoglot.corpus.species import cap_species
from genoglot.corpus.splits import SPLITS, SplitMap, check_held_out, split_of
from genoglot.corpus.windows import SCHEMA, read_counts, write_windows
from genoglot.errors import InputError
from genoglot.files import read_json, write_json

log = logging.getLogger(__name__)


def build_corpus(
    parts: list[Path],
    windows: Path,
    manifest: Path,
    name: str,
    settings: dict[str, Any],
    genomes: dict[str, Path],
    sequences: dict[str, Path],
    species: dict[str, str],
    seed: int,
) -> None:
    """Join the windows of a corpus' genomes and describe them in a manifest with a content fingerprint.

    Training windows are capped by species and weighted by genome. Then it is measured how much of each held-out
    window stands in the training windows too, and windows of which too much does are left out if the settings say so.

    The manifest holds `corpus`, `settings`, `fingerprint` (which changes if a window, a weight or a base changes),
    `windows` (number by genome and split), `contigs` (names by genome and split; null where the split is by hash),
    `bases` (share by genome and split), `filters` (what `make_windows` counted, by genome), `species` (`genomes`,
    training windows `before` and `after` the cap), `weights` (by genome), and `leakage`: its settings, and by genome
    and held-out split the number of `windows`, the share `shared` of them with at least `max_shared` of their k-mers
    in training, the `mean` share of k-mers in training (null where no window has one), and how many were `dropped`.

    Args:
        parts: files of `make_windows`, one for each genome, in the order of the corpus.
        windows: output, Parquet of `windows.SCHEMA`.
        manifest: output, JSON.
        name: the corpus.
        settings: its settings.
        genomes: each genome's `genome.json`.
        sequences: each genome's folder of tokenized sequence.
        species: species of the genomes that have one; a genome without is a species of its own.
        seed: of the choice of windows.

    Raises:
        InputError: a contig to hold out does not exist, or training or validation is left without windows.
    """
    descriptions = {genome: read_json(path) for genome, path in genomes.items()}
    contigs = {
        genome: [contig["name"] for contig in description["contigs"]] for genome, description in descriptions.items()
    }
    check_held_out(name, settings, contigs)
    frame = _joined(parts)
    _check_splits(name, settings, frame)
    kept, capped = cap_species(
        frame, {genome: species.get(genome) or genome for genome in genomes}, settings["max_windows_per_species"], seed
    )
    frame = frame[kept]
    weights = {genome: float(settings["weights"].get(genome, 1.0)) for genome in genomes}
    drawn = frame["genome"].map(weights).to_numpy(dtype=np.float32)
    frame = frame.assign(weight=np.where(frame["split"] == "train", drawn, np.float32(1)))
    leaked, leakage = _measure_leakage(frame, sequences, settings["leakage"])
    if settings["leakage"]["drop"]:
        frame = frame[~leaked]
        _check_not_all_leaked(name, settings["leakage"], frame)
    write_windows(windows, pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False))
    counts = frame.groupby(["genome", "split"], observed=True).size()
    write_json(
        manifest,
        {
            "corpus": name,
            "settings": settings,
            "fingerprint": _fingerprint(frame, descriptions),
            "windows": {genome: {split: int(counts.get((genome, split), 0)) for split in SPLITS} for genome in genomes},
            "contigs": _contigs_by_split(contigs, settings) if settings["split"]["by"] == "contigs" else None,
            "bases": {genome: _base_shares(genome, item, settings) for genome, item in descriptions.items()},
            "filters": {genome: read_counts(part) for genome, part in zip(genomes, parts, strict=True)},
            "species": capped,
            "weights": weights,
            "leakage": leakage,
        },
    )


def _joined(parts: list[Path]) -> pd.DataFrame:
    """The windows of all parts, in order; genome, contig and split as categories."""
    tables = [pq.read_table(part, schema=SCHEMA) for part in parts]
    return pa.concat_tables(tables).unify_dictionaries().to_pandas()


def _check_splits(name: str, settings: dict[str, Any], frame: pd.DataFrame) -> None:
    found = set(frame["split"].unique())
    for split in ("train", "validation"):
        if split not in found:
            advice = f"look at its {split} contigs and max_n"
            if settings["split"]["by"] == "hash":
                advice = "make split.block shorter, so that there are more blocks, or change the shares"
            raise InputError(f"corpus {name}: no window is left for {split}; {advice}")


def _check_not_all_leaked(name: str, settings: dict[str, Any], frame: pd.DataFrame) -> None:
    if not (frame["split"] == "validation").any():
        raise InputError(
            f"corpus {name}: every validation window shares at least {settings['max_shared']:.0%} of its k-mers with "
            "the training windows, and leakage.drop leaves none; hold out the homologous contigs of all genomes, or "
            "raise leakage.max_shared"
        )


def _measure_leakage(
    frame: pd.DataFrame, sequences: dict[str, Path], settings: dict[str, Any]
) -> tuple[np.ndarray, dict[str, Any]]:
    """Which windows are held out and leaked, bool (windows,); and the manifest's entry `leakage`."""
    training = (frame["split"] == "train").to_numpy()
    held_out = frame[~training]
    shared = shared_kmers(held_out, frame[training], sequences, settings["kmer"])
    # NaN, a window without k-mers, is not leaked
    leaked = shared >= settings["max_shared"]
    table = held_out[["genome", "split"]].assign(shared=shared, leaked=leaked)
    by_genome: dict[str, dict[str, Any]] = {genome: {} for genome in sequences}
    for (genome, split), rows in table.groupby(["genome", "split"], observed=True):
        mean = rows["shared"].mean()
        by_genome[genome][split] = {
            "windows": len(rows),
            "shared": float(rows["leaked"].mean()),
            "mean": None if np.isnan(mean) else float(mean),
            "dropped": int(rows["leaked"].sum()) if settings["drop"] else 0,
        }
        log.info("%s, %s: %s", genome, split, by_genome[genome][split])
    if leaked.any():
        log.warning(
            "%d of %d held-out windows share at least %g of their %d-mers with the training windows%s",
            leaked.sum(),
            len(leaked),
            settings["max_shared"],
            settings["kmer"],
            " and are left out" if settings["drop"] else "",
        )
    everywhere = np.zeros(len(frame), dtype=bool)
    everywhere[np.flatnonzero(~training)[leaked]] = True
    return everywhere, {**{key: settings[key] for key in ("kmer", "max_shared", "drop")}, "genomes": by_genome}


def _base_shares(genome: str, description: dict[str, Any], settings: dict[str, Any]) -> dict[str, float]:
    names, lengths = zip(*((contig["name"], contig["length"]) for contig in description["contigs"]), strict=True)
    return SplitMap.of(genome, names, lengths, settings).shares()


def _contigs_by_split(contigs: dict[str, list[str]], settings: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {
        genome: {split: [contig for contig in names if split_of(genome, contig, settings) == split] for split in SPLITS}
        for genome, names in contigs.items()
    }


def _fingerprint(frame: pd.DataFrame, descriptions: dict[str, Any]) -> str:
    """SHA-256 over the sequence of the genomes and over every window with its split and weight."""
    state = hashlib.sha256()
    for description in descriptions.values():
        state.update(repr([(c["name"], c["length"]) for c in description["contigs"]]).encode())
        state.update(str(description.get("sequence_sha256") or description["source_sha256"]).encode())
    for column in ("start", "end", "weight"):
        state.update(frame[column].to_numpy().tobytes())
    for column in ("genome", "contig", "split"):
        state.update("\n".join(frame[column].cat.categories).encode())
        state.update(frame[column].cat.codes.to_numpy(dtype=np.int32).tobytes())
    return state.hexdigest()
