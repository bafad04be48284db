"""What INFO of a scored VCF says of each allele, streamed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cyvcf2 import VCF

from genoglot.errors import InputError, few
from genoglot.variants.vcf import open_vcf

# Numbers of a header's description by which a key has one value for each ALT allele, or for REF and each ALT
OF_ALLELES = ("A", "R")


def read_info(vcf: Path, keys: Sequence[str]) -> pd.DataFrame:
    """Values of INFO keys, one row for each ALT allele (and for a record without one), in order.

    Returns:
        Columns pos (0-based), ref, alt, allele (its number in the record, from 0), alleles (of the record), and one
        for each key: None where there is no value, True for a flag, the allele's own value where the header says
        that each has one (Number=A or R), else the tuple of the record's values.

    Raises:
        InputError: the VCF cannot be read, or its header does not have a key.
    """
    reader = open_vcf(vcf)
    numbers = _numbers(reader, vcf, keys)
    rows: list[tuple[Any, ...]] = []
    try:
        for record in reader:
            alts = record.ALT or ["."]
            columns = [_values(record.INFO.get(key), numbers[key], len(alts)) for key in keys]
            for allele, alt in enumerate(alts):
                own = (column[allele] for column in columns)
                rows.append((record.POS - 1, record.REF, alt, allele, len(alts), *own))
    except Exception as error:  # cyvcf2 raises bare exceptions for malformed records
        raise InputError(f"{vcf}: a record cannot be read: {error}") from error
    # of objects, or None would become NaN among numbers
    frame = pd.DataFrame(rows, columns=["pos", "ref", "alt", "allele", "alleles", *keys], dtype=object)
    return frame.astype({"pos": np.int64, "allele": np.int64, "alleles": np.int64})


def _numbers(reader: VCF, vcf: Path, keys: Sequence[str]) -> dict[str, str]:
    """`Number` of each key in the header."""
    described = [entry.info() for entry in reader.header_iter() if entry["HeaderType"] == "INFO"]
    numbers = {entry["ID"]: entry["Number"] for entry in described}
    for key in keys:
        if key not in numbers:
            known = few(name for name in numbers if not name.startswith("GLM_")) or "none"
            raise InputError(
                f"{vcf}: the sheet of variants names INFO/{key}, which its header does not have; it has {known}"
            )
    return numbers


def _values(value: Any, number: str, alleles: int) -> list[Any]:
    """What a record's value says of each of its ALT alleles."""
    if value is None or isinstance(value, bool):
        return [value] * alleles
    values = tuple(value.split(",")) if isinstance(value, str) else value if isinstance(value, tuple) else (value,)
    if number not in OF_ALLELES:
        return [values] * alleles
    own = values[1:] if number == "R" else values
    # of another length than it should be, nothing can be told of any
    return list(own) if len(own) == alleles else [None] * alleles


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
            # as it was written: a frequency of 0.01 is no single-precision number, and lies in the bin from 0.01 on
            result[row] = float(value) if isinstance(value, str) else float(str(np.float32(value)))
        except ValueError:
            result[row] = np.nan
        if not 0 <= result[row] <= 1:
            raise InputError(
                f"{vcf}: {info['ref'][row]}>{info['alt'][row]} at position {info['pos'][row] + 1} has "
                f"INFO/{key}={value}; expected a frequency, a number from 0 to 1"
            )
        counts["known"] += 1
    if not counts["known"]:
        raise InputError(f"{vcf}: no allele has a value in INFO/{key}; name another key in the column `frequency`")
    return result, dict(counts)
