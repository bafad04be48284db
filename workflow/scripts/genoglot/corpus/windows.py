"""Windows over genomes, and the split each belongs to.

A window is a row (genome, contig, start, end, split, weight), 0-based and half-open; it never copies sequence.
"""

import difflib
import hashlib
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.errors import InputError
from genoglot.files import atomic_path, read_json, write_json
from genoglot.genome.store import CODE_MASK, N_CODE, Genome

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
SCHEMA = pa.schema(
    [
        ("genome", pa.dictionary(pa.int32(), pa.string())),
        ("contig", pa.dictionary(pa.int32(), pa.string())),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("split", pa.dictionary(pa.int32(), pa.string())),
        ("weight", pa.float32()),
    ]
)


def window_starts(length: int, window: int, step: int) -> np.ndarray:
    """Starts of windows every `step` bases, and of a last one that ends with the contig; none if it is too short."""
    if length < window:
        return np.empty(0, dtype=np.int64)
    starts = np.arange(0, length - window + 1, step, dtype=np.int64)
    return starts if starts[-1] == length - window else np.append(starts, length - window)


def unknown_counts(codes: np.ndarray, starts: np.ndarray, window: int, step: int) -> np.ndarray:
    """Number of N in each window. Memory grows with the number of windows, not with the contig's length."""
    block = math.gcd(window, step)
    whole = len(codes) // block * block
    sums = np.empty(whole // block + 1, dtype=np.int64)
    sums[0] = 0
    for begin in range(0, whole, block * (1 << 16)):
        piece = codes[begin : min(begin + block * (1 << 16), whole)]
        counts = ((piece & CODE_MASK) == N_CODE).reshape(-1, block).sum(axis=1)
        sums[begin // block + 1 : begin // block + 1 + len(counts)] = counts
    np.cumsum(sums, out=sums)
    aligned = starts % block == 0
    result = np.empty(len(starts), dtype=np.int64)
    first = starts[aligned] // block
    result[aligned] = sums[first + window // block] - sums[first]
    for index in np.flatnonzero(~aligned):
        piece = codes[starts[index] : starts[index] + window]
        result[index] = ((piece & CODE_MASK) == N_CODE).sum()
    return result


def split_of(genome: str, contig: str, settings: dict[str, Any]) -> str:
    """Split of a contig: named in `validation` or `test` as `contig` or as `genome:contig`, else `train`."""
    for split in ("validation", "test"):
        if {contig, f"{genome}:{contig}"} & set(settings[split]):
            return split
    return "train"


def make_windows(sequence: Path, output: Path, genome: str, settings: dict[str, Any]) -> None:
    """Write the windows of one genome as Parquet.

    Training windows lie every `settings["step"]` bases; those of the other splits do not overlap, so that no base is
    counted twice. Windows with a share of N above `settings["max_n"]` are left out.
    """
    window, step = settings["window"], settings["step"]
    store = Genome(Path(sequence))
    tables = []
    for contig, length in store.contigs["length"].items():
        split = split_of(genome, contig, settings)
        stride = step if split == "train" else window
        starts = window_starts(length, window, stride)
        unknown = unknown_counts(store.contig(contig), starts, window, stride)
        starts = starts[unknown <= settings["max_n"] * window]
        tables.append(
            pd.DataFrame({"genome": genome, "contig": contig, "start": starts, "end": starts + window, "split": split})
        )
    lengths = store.contigs["length"]
    short = lengths[lengths < window]
    if len(short) == len(lengths):
        raise InputError(
            f"genome {genome}: its longest contig has {lengths.max()} bases, and a window has {window}; "
            "make the corpus' window shorter or leave this genome out"
        )
    if len(short):
        log.warning("%s: %d contigs are shorter than a window of %d and give none", genome, len(short), window)
    frame = pd.concat(tables, ignore_index=True)
    if frame.empty:
        raise InputError(f"genome {genome}: every window has more than {settings['max_n']:.0%} N; raise max_n")
    frame["weight"] = np.float32(1)
    _write(output, pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False))
    log.info("%s: %s windows", genome, dict(frame["split"].value_counts()))


def _write(path: Path, table: pa.Table) -> None:
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def build_corpus(
    parts: list[Path],
    windows: Path,
    manifest: Path,
    name: str,
    settings: dict[str, Any],
    genomes: dict[str, Path],
) -> None:
    """Join the windows of a corpus' genomes and describe them in a manifest with a content fingerprint.

    `genomes` maps each genome to its `genome.json`. The fingerprint changes if a window or a base changes.
    """
    tables = [pq.read_table(part, schema=SCHEMA) for part in parts]
    table = pa.concat_tables(tables).unify_dictionaries()
    descriptions = {genome: read_json(path) for genome, path in genomes.items()}
    _check_held_out(name, settings, descriptions)
    frame = table.select(["genome", "split"]).to_pandas()
    counts = frame.groupby(["genome", "split"], observed=True).size()
    for split in ("train", "validation"):
        if split not in set(frame["split"]):
            raise InputError(f"corpus {name}: no window is left for {split}; look at its {split} contigs and max_n")
    _write(windows, table)
    state = hashlib.sha256()
    for description in descriptions.values():
        state.update(repr([(c["name"], c["length"]) for c in description["contigs"]]).encode())
        state.update(str(description["source_sha256"]).encode())
    for column in ("start", "end"):
        state.update(table.column(column).to_numpy().tobytes())
    for column in ("genome", "contig", "split"):
        state.update("\n".join(table.column(column).to_pylist()).encode())
    write_json(
        manifest,
        {
            "corpus": name,
            "settings": settings,
            "fingerprint": state.hexdigest(),
            "windows": {
                genome: {split: int(counts.get((genome, split), 0)) for split in SPLITS} for genome in descriptions
            },
            "contigs": {
                genome: {
                    split: [
                        contig["name"]
                        for contig in description["contigs"]
                        if split_of(genome, contig["name"], settings) == split
                    ]
                    for split in SPLITS
                }
                for genome, description in descriptions.items()
            },
        },
    )


def _check_held_out(name: str, settings: dict[str, Any], descriptions: dict[str, Any]) -> None:
    known = {contig["name"] for description in descriptions.values() for contig in description["contigs"]}
    known |= {f"{genome}:{contig['name']}" for genome, value in descriptions.items() for contig in value["contigs"]}
    for split in ("validation", "test"):
        for contig in settings[split]:
            if contig not in known:
                near = difflib.get_close_matches(contig, known, n=3, cutoff=0.3)
                hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(sorted(known)[:10])}"
                raise InputError(f"corpus {name}: the {split} contig {contig!r} is in none of its genomes; {hint}")
    both = set(settings["validation"]) & set(settings["test"])
    if both:
        raise InputError(f"corpus {name}: {', '.join(sorted(both))} cannot be both validation and test")


def read_windows(path: Path, split: str) -> pd.DataFrame:
    """Windows of one split, with columns genome, contig, start, end, weight (genome and contig as categories)."""
    frame = pq.read_table(path, filters=[("split", "=", split)]).to_pandas()
    return frame.drop(columns="split").reset_index(drop=True)
