"""Labelled sequences of a task, as a model reads them, and which of them train, choose and test."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.errors import InputError
from genoglot.files import atomic_path, read_json, write_json
from genoglot.tasks.target import Target

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
            on both sides.
        truth: class numbers, int64 (examples,); of labels and values float32 (examples, names), NaN where not known.
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
        length = self.codes.shape[1]
        raw = pa.py_buffer(np.ascontiguousarray(self.codes).tobytes())
        codes = pa.Array.from_buffers(pa.binary(length), len(self.codes), [None, raw])
        truth = pa.array(list(self.truth)) if self.truth.ndim == 2 else pa.array(self.truth)
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        table = table.append_column("truth", truth).append_column("codes", codes)
        with atomic_path(folder / TABLE) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        write_json(
            folder / ABOUT,
            {"target": self.target.kind, "names": list(self.target.names), "length": length, **self.about},
        )

    @classmethod
    def load(cls, folder: Path) -> "Examples":
        """What `save` wrote."""
        about = read_json(Path(folder) / ABOUT)
        table = pq.read_table(Path(folder) / TABLE).combine_chunks()
        target = Target(about.pop("target"), tuple(about.pop("names")))
        length = about.pop("length")
        column = table["codes"].chunk(0) if len(table) else pa.array([], pa.binary(length))
        flat = np.frombuffer(column.buffers()[1] or b"", dtype=np.uint8)
        first = column.offset * length
        codes = flat[first : first + len(table) * length].reshape(len(table), length)
        if target.kind == "classes":
            truth = table["truth"].to_numpy()
        else:
            truth = np.stack(table["truth"].to_numpy()).astype(np.float32)
        return cls(target, table.drop_columns(["codes", "truth"]).to_pandas(), codes, truth, about)


def checked(examples: Examples, place: str) -> Examples:
    """The same examples, with their counts in `about`; `InputError`, which begins with `place`, if they are of no use.

    Refused are splits without examples, and classes or labels of which training has one alone. A class that only
    validation or test have cannot be learnt, and is refused too; one with few examples is named in `about`.
    """
    counts = {split: len(examples.rows(split)) for split in SPLITS}
    for split, count in counts.items():
        if not count:
            found = ", ".join(f"{number} {name}" for name, number in counts.items())
            raise InputError(f"{place}: no example is for {split} (found {found}); see `split` in docs/tasks.md")
    about: dict[str, Any] = {"counts": counts}
    if examples.target.kind != "values":
        per = {split: _per_name(examples, split) for split in SPLITS}
        about["per_class"] = per
        seen = [name for name, count in per[TRAIN].items() if count]
        if len(seen) < (2 if examples.target.kind == "classes" else 1):
            raise InputError(f"{place}: training examples are all of one class, {' '.join(seen) or 'none'}")
        if examples.target.kind == "classes" and len(seen) < examples.target.outputs:
            unseen = [name for name in examples.target.names if name not in seen]
            raise InputError(
                f"{place}: no training example is of class {', '.join(unseen)}, which validation or test have"
            )
    return Examples(examples.target, examples.frame, examples.codes, examples.truth, {**about, **examples.about})


def _per_name(examples: Examples, split: str) -> dict[str, int]:
    """Examples of a split by class, or that have each label."""
    truth = examples.truth[examples.rows(split)]
    if examples.target.kind == "classes":
        counts = np.bincount(truth, minlength=examples.target.outputs)
    else:
        counts = np.nansum(truth, axis=0)
    return {name: int(count) for name, count in zip(examples.target.names, counts, strict=True)}
