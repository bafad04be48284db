"""Which variants are positives and which negatives: by their consequence, a key of INFO, or a table."""

import csv
import io
import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.compression import open_plain
from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames

log = logging.getLogger(__name__)

POSITIVE, NEGATIVE, UNLABELLED = 1, 0, -1
# What an allele is while it may be both; it then counts for neither.
BOTH = 2
TABLE_COLUMNS = ("chrom", "pos", "ref", "alt", "label")
# What parts values in INFO (ClinVar, VEP and others)
PARTS = re.compile(r"[,|/&]")
YES, NO = ("1", "true"), ("0", "false")


@dataclass(frozen=True)
class Classes:
    """Values that make an allele a positive, and those that make it a negative.

    Case does not matter. Without `positives`, 1 or true are positive, 0 or false negative; without `negatives`, every
    other value is negative.
    """

    positives: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, str]:
        """What the two classes are called."""
        positives, negatives = (", ".join(values) for values in (self.positives, self.negatives))
        return positives or "1", negatives or ("all others" if self.positives else "0")

    def of(self, value: str) -> int:
        """Class of a value, of which each part counts where it has several, as in `Pathogenic|risk_factor`."""
        folded = value.strip().lower()
        parts = {folded, *(part.strip() for part in PARTS.split(folded))}
        positive = bool(parts & ({word.lower() for word in self.positives} or set(YES)))
        if self.negatives or not self.positives:
            negative = bool(parts & ({word.lower() for word in self.negatives} or set(NO)))
        else:
            negative = not positive
        if positive and negative:
            return BOTH
        return POSITIVE if positive else NEGATIVE if negative else UNLABELLED


@dataclass(frozen=True)
class Labels:
    """Class of each variant, int8 (variants,): 1 positive, 0 negative, -1 neither; and counts of how that came."""

    classes: np.ndarray
    counts: dict[str, Any]


def labels_of_info(values: pd.Series, classes: Classes, key: str, vcf: Path) -> Labels:
    """Labels from a key of INFO, whose `values` are those of `genoglot.variants.info.read_info`.

    An allele without the key has no label; a flag that is not there is a 0.

    Raises:
        InputError: no value is that of a positive or a negative.
    """
    flag = any(value is True for value in values)
    texts = values.map(lambda value: _text(value, flag))
    return _labelled(texts, classes, f"{vcf}: INFO/{key}", {})


def _text(value: Any, flag: bool) -> str | None:
    if flag:
        return "1" if value else "0"
    if isinstance(value, tuple):
        value = ",".join("." if item is None else str(item) for item in value)
    return None if value is None or set(str(value)) <= {".", ","} else str(value)


def labels_of_table(table: str | Path, classes: Classes, frame: pd.DataFrame, names: ContigNames) -> Labels:
    """Labels from a table of variants.

    Args:
        table: tab-separated, plain, gzip or bgzip, with a header that has chrom, pos (1-based, as in VCF), ref, alt
            and label, in any order and beside other columns.
        classes: what its labels mean.
        frame: the variants, columns contig (as the genome calls it), pos (0-based), ref, alt.
        names: names of the genome's contigs, by any of which the table may call them.

    Raises:
        InputError: a column is missing, a position is no number, no row is one of the variants, or no label is that of
            a positive or a negative.
    """
    rows = _read_table(table)
    resolved = names.resolve(rows["chrom"]).fillna("")
    unknown = (resolved == "").to_numpy()
    keys = pd.DataFrame(
        {
            "contig": resolved.where(~unknown, rows["chrom"]),
            "pos": rows["pos"] - 1,
            "ref": rows["ref"].str.upper(),
            "alt": rows["alt"].str.upper(),
        }
    )
    columns = list(keys.columns)
    given = keys.assign(label=rows["label"])
    variants = frame[columns].assign(ref=frame["ref"].str.upper(), alt=frame["alt"].str.upper())
    # several rows of one variant: all their labels count, as parts of one
    joined = given.groupby(columns, sort=False)["label"].agg(lambda labels: ",".join(dict.fromkeys(labels)))
    texts = variants.join(joined, on=columns)["label"]
    matched = pd.MultiIndex.from_frame(keys).isin(pd.MultiIndex.from_frame(variants))
    if not matched.any():
        raise InputError(
            f"{table}: none of its {len(rows)} rows is a variant that was scored. Table: {_example(rows)}. Variants: "
            f"{_example(frame.assign(pos=frame['pos'] + 1).rename(columns={'contig': 'chrom'}))}. chrom, pos (from 1), "
            "ref and alt must be as in the VCF"
        )
    counts = {
        "rows": len(rows),
        "unmatched_rows": int((~matched).sum()),
        "unknown_contigs": sorted(rows.loc[unknown, "chrom"].unique())[:20],
        "repeated_rows": int(keys.duplicated().sum()),
    }
    if counts["unmatched_rows"]:
        log.warning("%s: %d of %d rows are no variant that was scored", table, counts["unmatched_rows"], len(rows))
    return _labelled(texts, classes, str(table), counts)


def _read_table(path: str | Path) -> pd.DataFrame:
    """Columns of `TABLE_COLUMNS`, pos as int64."""
    with open_plain(path) as handle:
        text = handle.read().decode("utf-8-sig", "replace")
    frame = pd.read_csv(
        io.StringIO(text), sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE, skip_blank_lines=True
    )
    frame.columns = [column.strip().lstrip("#").strip().lower() for column in frame.columns]
    missing = [name for name in TABLE_COLUMNS if name not in frame.columns]
    if missing:
        raise InputError(
            f"{path}: there is no column {', '.join(missing)}; expected a header with {', '.join(TABLE_COLUMNS)}, "
            f"separated by tabs; found {few(frame.columns)}"
        )
    if frame.empty:
        raise InputError(f"{path}: there are no rows below the header")
    frame = frame[list(TABLE_COLUMNS)].apply(lambda column: column.fillna("").str.strip())
    wrong = ~frame["pos"].str.fullmatch(r"[1-9]\d{0,17}")
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{path}, row {row + 1} below the header: pos is {frame['pos'].iloc[row]!r}; expected a position, a whole "
            "number from 1"
        )
    return frame.astype({"pos": np.int64})


def _example(frame: pd.DataFrame) -> str:
    return few(" ".join(map(str, row)) for row in frame[["chrom", "pos", "ref", "alt"]].head(2).to_numpy())


def _labelled(texts: pd.Series, classes: Classes, place: str, counts: dict[str, Any]) -> Labels:
    """Classes of texts (None or NaN where there is none), each different text judged once."""
    seen: Counter[str] = Counter(texts.dropna())
    code = {text: classes.of(text) for text in seen}
    found = texts.map(code).fillna(UNLABELLED).to_numpy(dtype=np.int8)
    sizes = {
        "positives": int((found == POSITIVE).sum()),
        "negatives": int((found == NEGATIVE).sum()),
        "both": int((found == BOTH).sum()),
        "other_values": int(sum(n for text, n in seen.items() if code[text] == UNLABELLED)),
        "without": int(texts.isna().sum()),
    }
    if not sizes["positives"] and not sizes["negatives"]:
        positive, negative = classes.words
        values = few(f"{text} ({n})" for text, n in seen.most_common()) or "none"
        raise InputError(
            f"{place}: no variant is a positive ({positive}) or a negative ({negative}). Values there are: {values}. "
            "Name them in the columns `positives` and `negatives` of the sheet of variants"
        )
    for name in ("positives", "negatives"):
        if not sizes[name]:
            log.warning("%s: there are no %s, so nothing can be compared", place, name)
    return Labels(np.where(found == BOTH, UNLABELLED, found).astype(np.int8), counts | sizes)
