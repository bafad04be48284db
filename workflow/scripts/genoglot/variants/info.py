"""What INFO of a scored VCF says of each allele, streamed."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.errors import InputError, few
from genoglot.variants.records import VariantFile, open_variants

# Numbers of a header's description by which a key has one value for each ALT allele, or for REF and each ALT
OF_ALLELES = ("A", "R")
_DESCRIBED = re.compile(r"##INFO=<ID=([^,>]+),Number=([^,>]+)")


def read_info(vcf: Path, keys: Sequence[str], asking: str = "the sheet of variants") -> pd.DataFrame:
    """Values of INFO keys, one row for each ALT allele (and for a record without one), in order.

    Args:
        asking: what names the keys, for messages.

    Returns:
        Columns pos (0-based), ref, alt, allele (its number in the record, from 0), alleles (of the record), and one
        for each key: None where there is no value, True for a flag, the text of the allele's own value where the
        header says that each has one (Number=A or R), else the tuple of the texts of the record's values.

    Raises:
        InputError: the VCF cannot be read, or its header does not have a key.
    """
    source = open_variants(vcf)
    numbers = _numbers(source, keys, asking)
    rows: list[tuple[Any, ...]] = []
    for record in source.records():
        found = dict(field.partition("=")[::2] for field in record.info.split(";"))
        columns = [_values(found.get(key), numbers[key], len(record.alts)) for key in keys]
        for allele, alt in enumerate(record.alts):
            own = (column[allele] for column in columns)
            rows.append((record.position, record.ref, alt, allele, len(record.alts), *own))
    # of objects, since pandas would make NaN of None
    frame = pd.DataFrame(rows, columns=["pos", "ref", "alt", "allele", "alleles", *keys], dtype=object)
    return frame.astype({"pos": np.int64, "allele": np.int64, "alleles": np.int64})


def _numbers(source: VariantFile, keys: Sequence[str], asking: str) -> dict[str, str]:
    """`Number` of each key in the header."""
    numbers = {match[1]: match[2] for line in source.header if (match := _DESCRIBED.match(line))}
    for key in keys:
        if key not in numbers:
            known = few(name for name in numbers if not name.startswith("GLM_")) or "none"
            raise InputError(
                f"{source.path}: {asking} names INFO/{key}, which its header does not have; it has {known}"
            )
    return {key: numbers[key] for key in keys}


def _values(text: str | None, number: str, alleles: int) -> list[Any]:
    """What a record's value says of each of its ALT alleles."""
    if text is None:
        return [None] * alleles
    if number == "0":
        return [True] * alleles
    values = tuple(text.split(","))
    if number not in OF_ALLELES:
        return [None if set(values) == {"."} else values] * alleles
    own = values[1:] if number == "R" else values
    # of another length than it should be, nothing can be told of any
    return [None if value == "." else value for value in own] if len(own) == alleles else [None] * alleles


def matched_info(vcf: Path, keys: Sequence[str], frame: pd.DataFrame) -> pd.DataFrame:
    """`read_info` of the VCF that was written with a table of scores (columns pos, ref, alt), whose rows it has."""
    found = read_info(vcf, keys)
    columns = ["pos", "ref", "alt"]
    if len(found) != len(frame) or (found[columns].to_numpy() != frame[columns].to_numpy()).any():
        raise InputError(
            f"{vcf}: its {len(found)} alleles are not the {len(frame)} of the table of scores beside it; the two were "
            "not made together: delete both and run again"
        )
    return found


def frequencies(info: pd.DataFrame, key: str, vcf: Path) -> tuple[np.ndarray, dict[str, int]]:
    """Frequency of each allele, float64 (alleles,), NaN where there is none; and how many have one, or why not.

    One value for a record of several ALT alleles does not say whose it is.

    Args:
        info: what `read_info` gives.
        key: of the frequency.
        vcf: named in messages.

    Raises:
        InputError: a value is no number from 0 to 1, or no allele has one.
    """
    result = np.full(len(info), np.nan)
    counts = Counter(known=0, missing=0, of_several_alleles=0)
    for row, (value, allele, alleles) in enumerate(zip(info[key], info["allele"], info["alleles"], strict=True)):
        if isinstance(value, tuple):
            if len(value) != alleles:
                counts["of_several_alleles"] += 1
                continue
            value = value[allele]
        if value is None or value == ".":
            counts["missing"] += 1
            continue
        try:
            result[row] = float(value)
        except ValueError:
            result[row] = np.nan
        if not 0 <= result[row] <= 1:
            raise InputError(
                f"{vcf}: {info['ref'][row]}>{info['alt'][row]} at position {info['pos'][row] + 1} has "
                f"INFO/{key}={'' if value is True else value}; expected a frequency, a number from 0 to 1"
            )
        counts["known"] += 1
    if not counts["known"]:
        raise InputError(f"{vcf}: no allele has a value in INFO/{key}; name another key in the column `frequency`")
    return result, dict(counts)
