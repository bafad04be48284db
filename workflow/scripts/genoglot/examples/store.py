"""Labelled sequences of a task, as a model reads them, and which of them train, choose and test."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genoglot.errors import InputError, few
from genoglot.examples.target import Target, known_bins
from genoglot.files import atomic_path, read_json, write_json

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
TABLE, ABOUT = "examples.parquet", "examples.json"


@dataclass(frozen=True)
class Examples:
    """Labelled sequences.

    Attributes:
        target: what is predicted.
        frame: a row an example: `split`, `group` (int64; examples of a group are not independent, as neighbouring
            windows are not), and where it is from: `line` of a file, or contig, start, end and strand of a genome.
        codes: base codes without soft-mask bits, uint8 (examples, length); shorter sequences are in the middle, with N
            on both sides. Of pairs of alleles (examples, 2, length), REF first.
        truth: class numbers, int64 (examples,); of labels and values float32 (examples, names), NaN where not known. Of
            a dense target int16 (examples, bins), `target.UNKNOWN` where not known, or float32 (examples, bins, names).
        about: what a user is told of them, as JSON.
    """

    target: Target
    frame: pd.DataFrame
    codes: np.ndarray
    truth: np.ndarray
    about: dict[str, Any]

    @property
    def split(self) -> np.ndarray:
        """The split of each example, (examples,)."""
        return self.frame["split"].to_numpy()

    @property
    def paired(self) -> bool:
        """Whether an example is a pair of alleles."""
        return self.codes.ndim == 3

    @property
    def length(self) -> int:
        """Bases of a sequence, N around it included."""
        return self.codes.shape[-1]

    @property
    def sequences(self) -> np.ndarray:
        """Base codes by which examples are told to share sequence, (examples, length): of a pair those with REF."""
        return self.codes[:, 0] if self.paired else self.codes

    def rows(self, split: str) -> np.ndarray:
        """Numbers of the examples of a split."""
        return np.flatnonzero(self.split == split)

    def take(self, rows: np.ndarray) -> "Examples":
        """Some of the examples, in the order given."""
        frame = self.frame.iloc[rows].reset_index(drop=True)
        return Examples(self.target, frame, self.codes[rows], self.truth[rows], self.about)

    def save(self, folder: Path) -> None:
        """Write `examples.parquet` and `examples.json`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        raw = pa.py_buffer(np.ascontiguousarray(self.codes).tobytes())
        width = int(np.prod(self.codes.shape[1:]))
        codes = pa.Array.from_buffers(pa.binary(width), len(self.codes), [None, raw])
        truth = pa.array(np.ascontiguousarray(self.truth).reshape(-1))
        if self.truth.ndim > 1:
            truth = pa.FixedSizeListArray.from_arrays(truth, int(np.prod(self.truth.shape[1:])))
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        table = table.append_column("truth", truth).append_column("codes", codes)
        with atomic_path(folder / TABLE) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        write_json(
            folder / ABOUT,
            {**self.target.describe(), "length": self.length, "paired": self.paired, **self.about},
        )

    @classmethod
    def load(cls, folder: Path) -> "Examples":
        """What `save` wrote."""
        about = read_json(Path(folder) / ABOUT)
        table = pq.read_table(Path(folder) / TABLE).combine_chunks()
        target = Target.of({key: about.pop(key) for key in ("target", "names", "bin", "mirror")})
        length = about.pop("length")
        shape = (2, length) if about.pop("paired", False) else (length,)
        width = int(np.prod(shape))
        column = table["codes"].chunk(0) if len(table) else pa.array([], pa.binary(width))
        flat = np.frombuffer(column.buffers()[1] or b"", dtype=np.uint8)
        first = column.offset * width
        codes = flat[first : first + len(table) * width].reshape(len(table), *shape)
        truth = pc.list_flatten(table["truth"]) if target.dense or target.kind != "classes" else table["truth"]
        truth = truth.to_numpy()
        if target.dense and target.kind == "classes":
            truth = truth.reshape(len(table), -1)
        elif target.kind != "classes":
            truth = truth.reshape(len(table), *target.shape(length))
        return cls(target, table.drop_columns(["codes", "truth"]).to_pandas(), codes, truth, about)


def checked(examples: Examples, place: str) -> Examples:
    """The same examples, with their counts in `about`; `InputError`, which begins with `place`, if they are of no use.

    Refused are splits without examples, and classes, labels or numbers of which training has but one. A class that only
    validation or test have is refused too: no training could find it, so that every measure would be of something
    else than what was learnt. A label that training never has costs the others nothing, and is counted.
    """
    target = examples.target
    counts = {split: len(examples.rows(split)) for split in SPLITS}
    for split, count in counts.items():
        if not count:
            found = ", ".join(f"{number} {name}" for name, number in counts.items())
            raise InputError(f"{place}: no example is for {split} (found {found}); see `split` in docs/tasks.md")
    about: dict[str, Any] = {"counts": counts}
    if not target.numeric:
        about["per_class"] = {split: _per_name(examples, split) for split in SPLITS}
    if target.kind == "classes":
        _check_classes(about["per_class"][TRAIN], place)
    else:
        _check_columns(target, known_bins(target, examples.truth[examples.rows(TRAIN)])[0], place)
    return replace(examples, about={**about, **examples.about})


def _check_classes(training: dict[str, int], place: str) -> None:
    seen = [name for name, count in training.items() if count]
    if len(seen) < 2:
        raise InputError(f"{place}: training examples are all of one class, {' '.join(seen)}; expected two or more")
    if unseen := [name for name, count in training.items() if not count]:
        raise InputError(
            f"{place}: no training example is of class {few(unseen)}, which validation or test have, so that it cannot "
            "be learnt; leave the class out, or split otherwise"
        )


def _check_columns(target: Target, truth: np.ndarray, place: str) -> None:
    """Each column of numbers needs two different ones, and so does one column of labels."""
    known = np.isfinite(truth)
    low = np.where(known, truth, np.inf).min(axis=0)
    high = np.where(known, truth, -np.inf).max(axis=0)
    differ = low < high
    if target.kind == "labels" and not differ.any():
        raise InputError(
            f"{place}: each of the labels {few(target.names)} is either in all training examples or in none; there is "
            "nothing to tell apart"
        )
    if target.numeric and not differ.all():
        column = int(differ.argmin())
        found = f"are all {low[column]:g}" if np.isfinite(low[column]) else "are not known"
        raise InputError(f"{place}: the training examples' numbers of {target.names[column]} {found}")


def _per_name(examples: Examples, split: str) -> dict[str, int]:
    """Examples of a split by class, or that have each label; of a dense target their bins."""
    (truth,) = known_bins(examples.target, examples.truth[examples.rows(split)])
    if examples.target.kind == "classes":
        counts = np.bincount(truth, minlength=examples.target.outputs)
    else:
        counts = np.nansum(truth, axis=0)
    return {name: int(count) for name, count in zip(examples.target.names, counts, strict=True)}
