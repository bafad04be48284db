"""What scoring says of an allele: columns of a table of scores, and fields of INFO."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pysam

from genoglot import __version__
from genoglot.compression import blocks, open_plain
from genoglot.variants.alleles import Alleles
from genoglot.variants.records import Record

INFO_COLUMN = 7


@dataclass(frozen=True)
class Field:
    """A value of each allele: its column in the table, its INFO field, and what the VCF's header says of it."""

    column: str
    name: str
    description: str
    kind: str = "Float"

    def header(self, model: str, how: str) -> str:
        """The line of the header; `how` is put into the description where that leaves room for it."""
        words = f"{self.description.format(how=how)} (model {model}, Genoglot {__version__})"
        return f'##INFO=<ID={self.name},Number=A,Type={self.kind},Description="{words}">'


LLR = Field(
    "llr",
    "GLM_LLR",
    "Log-likelihood ratio ALT - REF in nats, strands averaged; negative = less likely. {how}",
)
STRANDS = Field("strand_difference", "GLM_STRAND_DIFF", "Absolute difference of GLM_LLR between the two strands, nats")
ENTROPY = Field("entropy", "GLM_ENTROPY", "Entropy (nats, at most 1.386) of the predicted bases at the site of an SNV")
MARKOV = Field(
    "markov_llr",
    "GLM_MARKOV_LLR",
    "The baseline of GLM_LLR: the same ratio by a Markov chain that sees both sides of a base",
)
L2 = Field("embedding_l2", "GLM_L2", "Euclidean distance of the embeddings of the windows with REF and with ALT")
COSINE = Field("embedding_cosine", "GLM_COSINE", "Cosine distance of the embeddings of the windows with REF and ALT")
CALIBRATED = Field(
    "calibrated",
    "GLM_CALIBRATED",
    "GLM_LLR of an SNV in standard deviations from the mean of neutral sites of the same context and substitution",
)
PERCENTILE = Field(
    "percentile",
    "GLM_PERCENTILE",
    "Share of neutral sites of the same context and substitution with this GLM_LLR or a lower one",
)
REASON = Field("reason", "GLM_REASON", "Why an allele has no score; . where it has one", "String")
FIELDS = (LLR, STRANDS, ENTROPY, MARKOV, L2, COSINE, CALIBRATED, PERCENTILE, REASON)


def scores_schema(fields: Sequence[Field]) -> pa.Schema:
    """Columns of the table of scores: the allele's key (`pos` 0-based), its kind, and a column for each field."""
    keys = [("contig", pa.string()), ("pos", pa.int64()), ("ref", pa.string()), ("alt", pa.string())]
    values = [(field.column, pa.float32() if field.kind == "Float" else pa.string()) for field in fields]
    return pa.schema([*keys, ("kind", pa.string()), *values])


def scores_table(
    records: Sequence[Record], alleles: Alleles, values: dict[str, np.ndarray], schema: pa.Schema
) -> pa.Table:
    """A row for each allele; `values` holds the float32 columns, with NaN for none."""
    mine = [records[index] for index in alleles.record]
    columns: dict[str, Any] = {
        "contig": [record.contig for record in mine],
        "pos": [record.position for record in mine],
        "ref": [record.ref for record in mine],
        "alt": alleles.alt,
        "kind": list(alleles.kind),
        "reason": [reason or None for reason in alleles.reason],
    }
    arrays = [
        pa.array(values[field.name], from_pandas=True) if field.name in values else pa.array(columns[field.name])
        for field in schema
    ]
    return pa.Table.from_arrays(
        [array.cast(field.type) for array, field in zip(arrays, schema, strict=True)], schema=schema
    )


def info_texts(count: int, alleles: Alleles, values: dict[str, np.ndarray], fields: Sequence[Field]) -> Iterator[str]:
    """What is appended to INFO of each of `count` records: a value per allele, `.` for none.

    A field without any value in a record is left out of it.
    """
    texts = [
        [f"{value:.5g}" if value == value else "." for value in values[field.column].tolist()]
        if field.column in values
        else [reason or "." for reason in alleles.reason]
        for field in fields
    ]
    ends = np.searchsorted(alleles.record, np.arange(count + 1)).tolist()
    for first, last in pairwise(ends):
        parts = []
        for field, column in zip(fields, texts, strict=True):
            mine = column[first:last]
            if any(text != "." for text in mine):
                parts.append(f"{field.name}={','.join(mine)}")
        yield ";".join(parts)


class VcfWriter:
    """Writes a bgzip VCF of records whose lines are as they were but for what is appended to INFO."""

    def __init__(self, path: Path, header: Iterable[str]):
        self._handle = pysam.BGZFile(str(path), "wb", None)
        self._handle.write("".join(f"{line}\n" for line in header).encode())

    def write(self, records: Sequence[Record], infos: Iterable[str]) -> None:
        lines = []
        for record, info in zip(records, infos, strict=True):
            columns = record.line.split(b"\t", INFO_COLUMN + 1)
            kept = [] if columns[INFO_COLUMN] == b"." else [columns[INFO_COLUMN]]
            columns[INFO_COLUMN] = b";".join([*kept, info.encode()] if info else kept) or b"."
            lines.append(b"\t".join(columns))
        if lines:
            self._handle.write(b"\n".join(lines) + b"\n")

    def append(self, path: Path) -> None:
        """Write the records of another bgzip VCF as they are."""
        with open_plain(path) as handle:
            for line in handle:
                if not line.startswith(b"#"):
                    self._handle.write(line)
                    break
            for block in blocks(handle):
                self._handle.write(block)

    def close(self) -> None:
        self._handle.close()


def new_header(header: Sequence[str], model: str, how: str, fields: Sequence[Field]) -> list[str]:
    """The header of a scored VCF: that of the input, and our fields before its line of columns."""
    lines = [f"##genoglot=<Version={__version__},Model={model}>", *(field.header(model, how) for field in fields)]
    return [*header[:-1], *lines, header[-1]]
