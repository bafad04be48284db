"""Labelled variants as pairs of alleles: against windows spelt by hand, and elements that are never on two sides."""

import gzip

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import random_sequence

from genoglot.errors import InputError
from genoglot.examples.splitting import BLOCK, keep_together, neighbour_groups
from genoglot.examples.store import Examples
from genoglot.examples.task_genome import TaskGenome
from genoglot.examples.variants import read_variants
from genoglot.genome.store import decode

WINDOW = 20
CONTIGS = {"one": random_sequence(4000, 1), "two": random_sequence(3000, 2), "three": random_sequence(3000, 3)}
# nothing beside the bases that indels of the tests delete and insert repeats them, so that they have one place
CONTIGS["one"] = CONTIGS["one"][:2000] + "ACGTTC" + CONTIGS["one"][2006:]
SPLIT = {"by": "contig", "column": "split", "validation": ["two"], "test": ["three"], "drop": False}
BY_HASH = {"by": "hash", "validation": 0.2, "test": 0.3}
CORPUS = {"split": {"by": "contigs"}, "validation": [], "test": []}
SETTINGS = {"kind": "regression", "column": "EFFECT", "group": None, "max_length": 12, "max_mismatch": 0.1}
HEADER = """##fileformat=VCFv4.2
##INFO=<ID=EFFECT,Number=A,Type=Float,Description="of each allele">
##INFO=<ID=CLASS,Number=1,Type=String,Description="of the record">
##INFO=<ID=BOTH,Number=R,Type=Float,Description="of REF and each allele">
##INFO=<ID=BAD,Number=0,Type=Flag,Description="flag">
##INFO=<ID=ELEMENT,Number=1,Type=String,Description="name">
##INFO=<ID=SIDE,Number=1,Type=String,Description="split">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
"""


def other(base: str) -> str:
    return "CGTA"["ACGT".index(base)]


def snv(contig: str, place: int, info: str) -> str:
    """A record at a 0-based place."""
    base = CONTIGS[contig][place]
    return f"{contig}\t{place + 1}\t.\t{base}\t{other(base)}\t.\t.\t{info}"


def spread(step: int = 100) -> list[str]:
    """SNVs on all contigs, far from each other."""
    return [
        snv(name, place, f"EFFECT={place / 100};CLASS={'yes' if place % 200 == 50 else 'no'}")
        for name, text in CONTIGS.items()
        for place in range(50, len(text) - 50, step)
    ]


def around(contig: str, start: int, end: int, bases: str) -> str:
    """The window with bases in place of a part of a contig, in its middle."""
    text = "N" * 50 + CONTIGS[contig][:start] + bases + CONTIGS[contig][end:] + "N" * 50
    first = 50 + start - (WINDOW - len(bases)) // 2
    return text[first : first + WINDOW]


@pytest.fixture
def read(make_genome, tmp_path):
    """Read a VCF of these lines, or a table."""
    genome = make_genome(CONTIGS)

    def read(lines, header=HEADER, name="v.vcf", split=SPLIT, compressed=False, **changes) -> Examples:
        text = (header + "\n".join(lines) + "\n").encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if compressed else text)
        settings = SETTINGS | {"variants": str(tmp_path / name), "split": SPLIT | split} | changes
        return read_variants(TaskGenome.of("g", genome, None, WINDOW, CORPUS, 1), settings)

    return read


def texts(found: Examples) -> list[list[str]]:
    return [[decode(codes) for codes in pair] for pair in found.codes]


@pytest.mark.parametrize("compressed", [False, True])
def test_each_allele_is_a_pair_of_windows_with_its_own_label(read, compressed):
    text = CONTIGS["one"]
    lines = spread()
    two = [base for base in "ACGT" if base != text[1020]]
    lines += [f"one\t1021\t.\t{text[1020]}\t{two[0]},{two[1]},*\t.\t.\tEFFECT=7,-8,1"]
    lines += [f"one\t6\t.\t{text[5]}\t{other(text[5])}\t.\t.\tEFFECT=0.5"]
    found = read(lines, compressed=compressed)
    assert found.codes.shape == (len(found.frame), 2, WINDOW)
    expected, effects = [], []
    for line in lines:
        contig, pos, _, ref, alts, _, _, info = line.split("\t")
        values = info.split(";")[0].removeprefix("EFFECT=").split(",")
        for alt, value in zip(alts.split(","), values, strict=True):
            if alt != "*":
                place = int(pos) - 1
                expected.append([around(contig, place, place + 1, base) for base in (ref, alt)])
                effects.append(float(value))
    assert texts(found) == expected
    np.testing.assert_allclose(found.truth[:, 0], effects)
    assert found.frame["line"].tolist()[:2] == [9, 10]
    assert found.about["left_out"]["STAR_ALLELE"] == 1
    assert set(found.split[found.frame["contig"] == "three"]) == {"test"}
    first = found.frame.iloc[-1]
    assert (first["contig"], first["pos"], first["start"], first["end"]) == ("one", 5, 5 - 9, 5 + 11)


def test_indels_stand_in_the_middle_and_the_order_of_records_does_not_matter(read):
    records = ["one\t2001\t.\tACGT\tA\t.\t.\tEFFECT=1", "one\t2002\t.\tC\tCAAG\t.\t.\tEFFECT=2"]
    found = read([*reversed(spread()), *records])
    assert texts(found)[-2:] == [
        [around("one", 2001, 2004, "CGT"), around("one", 2001, 2004, "")],
        [around("one", 2002, 2002, ""), around("one", 2002, 2002, "AAG")],
    ]
    sorted_too = read(spread())
    assert texts(found)[:-2] == texts(sorted_too)[::-1]
    pairs = [tuple(row) for row in sorted_too.frame[["contig", "pos"]].to_numpy()]
    assert [tuple(row) for row in found.frame[["contig", "pos"]].to_numpy()][:-2] == pairs[::-1]


def test_what_has_no_window_or_no_label_is_counted(read):
    base = CONTIGS["one"][60]
    lines = [
        *spread(),
        f"one\t61\t.\t{other(base)}\t{base}\t.\t.\tEFFECT=1",
        "alien\t5\t.\tA\tC\t.\t.\tEFFECT=1",
        f"one\t61\t.\t{base}\t{base}{'ACGTTGCAACGTT'}\t.\t.\tEFFECT=1",
        f"one\t61\t.\t{base}\t{other(base)}\t.\t.\tEFFECT=.",
        f"one\t61\t.\t{base}\t{other(base)}\t.\t.\tCLASS=yes",
        f"one\t61\t.\t{base}\t{other(base)},<DEL>\t.\t.\tEFFECT=nan,3",
    ]
    found = read(lines)
    assert len(found.codes) == len(spread())
    expected = {"no label": 3, "REF_MISMATCH": 1, "CONTIG_UNKNOWN": 1, "TOO_LONG": 1, "SYMBOLIC": 1}
    assert found.about["left_out"] == expected | {
        "across a border of the splits": 0, "cells without a value": {}, "cells with one value for several alleles": 0,
    }  # fmt: skip
    several = [*spread(), f"one\t61\t.\t{base}\t{other(base)},{other(other(base))}\t.\t.\tCLASS=yes"]
    found = read(several, kind="classification", column="CLASS")
    assert found.about["left_out"]["cells with one value for several alleles"] == 2
    assert len(found.codes) == len(spread())
    assert found.target.names == ("no", "yes")


def test_values_of_ref_and_of_each_allele_and_flags(read):
    lines = [f"{line};BOTH=9,{number}{';BAD' if number % 3 else ''}" for number, line in enumerate(spread())]
    found = read(lines, column=["EFFECT", "BOTH"])
    assert found.target.names == ("EFFECT", "BOTH")
    assert found.truth[:, 1].tolist() == list(range(len(lines)))
    flags = read(lines, kind="multilabel", column=["BAD"])
    assert flags.truth.shape == (len(lines), 1) or flags.target.names == ("0", "1")
    classes = read(lines, kind="classification", column="BAD")
    assert classes.truth.tolist() == [int(number % 3 > 0) for number in range(len(lines))]


def test_a_table_is_read_as_the_vcf(read):
    rows, lines = [], spread()
    for line in lines:
        contig, pos, _, ref, alt, _, _, info = line.split("\t")
        effect, label = (field.partition("=")[2] for field in info.split(";"))
        rows.append("\t".join([ref, contig, pos, alt, effect, f"it says, {label}"]))
    header = "ref\tchrom\tpos\talt\tlog2(fold change)\tclass\n"
    one, two = read(lines), read(rows, header=header, name="v.tsv", column="log2(fold change)")
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.truth, two.truth)
    assert two.target.names == ("log2(fold change)",)
    words = read(rows, header=header, name="v.tsv", kind="classification", column="class")
    assert words.target.names == ("it says, no", "it says, yes")


def elements() -> list[str]:
    """Every base of 40 stretches is changed, which are as far from each other as no window reaches."""
    lines = []
    for name, text in CONTIGS.items():
        for start in range(100, len(text) - 200, 230):
            for place in range(start, start + 60):
                element = f"EFFECT={np.sin(place):.3f};ELEMENT={name}-{start}"
                lines.append(snv(name, place, element))
    return lines


def sides(found: Examples, lines: list[str]) -> dict[str, set[str]]:
    """The splits of each element's variants."""
    names = {tuple(line.split("\t")[:2]): line.rpartition("ELEMENT=")[2] for line in lines}
    result: dict[str, set[str]] = {}
    for contig, pos, split in found.frame[["contig", "pos", "split"]].itertuples(index=False):
        result.setdefault(names[contig, str(pos + 1)], set()).add(split)
    return result


@pytest.mark.parametrize("group", [None, "ELEMENT"])
def test_no_element_is_on_two_sides(read, group):
    lines = elements()
    shuffled = [lines[row] for row in np.random.default_rng(0).permutation(len(lines))]
    found = read(shuffled, split=BY_HASH, group=group)
    of_element = sides(found, lines)
    assert {len(splits) for splits in of_element.values()} == {1}
    assert {split for splits in of_element.values() for split in splits} == {"train", "validation", "test"}
    assert found.about["shared"]["test_and_training"] == {"same_sequence": 0, "half_of_the_10-mers": 0}
    assert found.frame.groupby("group")["split"].nunique().max() == 1
    left = found.about["left_out"]["across a border of the splits"]
    assert len(found.codes) + left == len(lines)
    assert left < 0.2 * len(lines)
    if group:
        assert left == 0
        assert found.frame["group"].nunique() == len(of_element)


def test_dense_variants_share_no_base_with_another_side(read):
    lines = [snv("one", place, f"EFFECT={np.sin(place):.3f}") for place in range(20, 3980, 3)]
    found = read(lines, split=BY_HASH | {"test": 0.4})
    covered = {name: set() for name in ("train", "validation", "test")}
    for start, split in found.frame[["start", "split"]].itertuples(index=False):
        covered[split] |= set(range(start, start + WINDOW))
    assert all(covered.values())
    assert not covered["train"] & covered["test"]
    assert not covered["train"] & covered["validation"]
    assert not covered["validation"] & covered["test"]
    assert found.frame.groupby("group")["split"].nunique().max() == 1


def test_groups_are_runs_of_windows_that_overlap():
    start = np.array([500, 0, 19, 38, 58, 500])
    number = np.array([0, 0, 0, 0, 0, 1])
    frame = pd.DataFrame({"number": number, "start": start, "end": start + WINDOW})
    found = neighbour_groups(frame)
    assert found[1] == found[2] == found[3]
    assert len(set(found)) == 4
    chain = np.arange(0, 3 * BLOCK * WINDOW, 10)
    frame = pd.DataFrame({"number": 0, "start": chain, "end": chain + WINDOW})
    assert pd.Series(neighbour_groups(frame)).value_counts().tolist() == [2 * BLOCK] * 3


def test_a_group_stays_on_the_side_of_most_of_it():
    split = np.array(["train", "train", "test", "test", "test", "train"], dtype=object)
    across = np.array([False, False, False, True, True, False])
    group = np.array([1, 1, 1, 1, 2, 3])
    assert keep_together(split, across, group).tolist() == [False, False, True, True, True, False]


def test_splits_by_column_and_by_what_the_corpus_holds_out(read):
    names = ("train", "dev", "test")
    lines = [f"{line};SIDE={names[number % 3]}" for number, line in enumerate(spread())]
    found = read(lines, split={"by": "column", "column": "SIDE"})
    assert found.split.tolist() == [("train", "validation", "test")[number % 3] for number in range(len(lines))]


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda lines: lines, {"column": "LFC"}, "v.vcf: the task names INFO/LFC, which its header does not have"),
        (lambda lines: [], {}, "v.vcf: there is no variant in it"),
        (lambda lines: [line.replace("EFFECT", "X") for line in lines], {}, "no variant that has a window has a label"),
        (lambda lines: [line.replace("one", "I") for line in lines if "one" in line], {}, "CONTIG_UNKNOWN: 39"),
        (
            lambda lines: [line.replace("=0.5;", "=low;") for line in lines],
            {},
            "v.vcf, line 9: found 'low' as EFFECT, expected a number",
        ),
        (
            lambda lines: [f"{c}\t{int(p) + 1}\t{rest}" for c, p, rest in (line.split("\t", 2) for line in lines)],
            {},
            "REF alleles differ from the genome .*, more than 10% .*counted from 1",
        ),
        (
            lambda lines: lines,
            {"split": BY_HASH, "group": "ELEMENT"},
            "v.vcf, line 9: found nothing as ELEMENT, expected the name of a group",
        ),
    ],
)
def test_what_is_wrong_is_refused_in_words(read, change, settings, message):
    with pytest.raises(InputError, match=message):
        read(change(spread()), **settings)
