"""Labelled intervals of a genome, against plain slices of its sequence."""

import gzip
import logging

import pandas as pd
import pytest
from tiny_corpus import random_sequence

from genoglot.errors import InputError
from genoglot.examples.intervals import read_intervals
from genoglot.examples.regions import region_examples
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.store import decode

WINDOW = 20
CONTIGS = {"one": random_sequence(3000, 1), "two": random_sequence(2000, 2), "three": random_sequence(2500, 3)}
CONTIGS["three"] = CONTIGS["three"][:1000] + "N" * 300 + CONTIGS["three"][1300:].lower()
SPLIT = {"by": "contig", "column": "split", "validation": ["two"], "test": ["three"], "drop": False}
CORPUS = {"split": {"by": "contigs"}, "validation": [], "test": ["three"]}
PAIR = str.maketrans("ACGT", "TGCA")


@pytest.fixture
def genome(make_genome):
    return make_genome(CONTIGS)


@pytest.fixture
def read(genome, tmp_path):
    """Read a BED of these lines."""

    def read(lines, kind="classification", column=4, names=None, compressed=False, split_column="split", **split):
        bed = tmp_path / "labels.bed"
        text = ("\n".join(lines) + "\n").encode()
        bed.write_bytes(gzip.compress(text) if compressed else text)
        settings = {"bed": str(bed), "column": column, "kind": kind, "split": SPLIT | {"column": split_column} | split}
        return read_intervals(TaskGenome.of("g", genome, names, WINDOW, CORPUS, 1), settings)

    return read


def interval(row: int) -> tuple[str, int, int]:
    """Intervals of several lengths on all contigs, that do not overlap; three in the N of a contig."""
    start = 5 + row // 3 * 90
    return list(CONTIGS)[row % 3], start, start + 1 + row % 13


ROWS = [row for row in range(66) if not (interval(row)[0] == "three" and 980 < interval(row)[1] < 1320)]


def lines(*, strand=False, label=lambda row: "yes" if row % 2 else "no") -> list[str]:
    """Lines of BED, of four or six columns."""
    texts = []
    for row in ROWS:
        cells = [*map(str, interval(row)), label(row), *(["0", "+-."[row // 3 % 3]] if strand else [])]
        texts.append("\t".join(cells))
    return texts


def window_text(row: int, minus: bool = False) -> str:
    """The window around the middle of an interval, N beyond the ends of the contig."""
    contig, start, end = interval(row)
    first = (start + end) // 2 - WINDOW // 2
    text = ("N" * WINDOW + CONTIGS[contig].upper() + "N" * WINDOW)[first + WINDOW : first + 2 * WINDOW]
    return text[::-1].translate(PAIR) if minus else text


@pytest.mark.parametrize("compressed", [False, True])
def test_each_interval_has_a_window_around_its_middle(read, compressed):
    found = read(["track name=x", "# a remark", *lines()], compressed=compressed)
    assert found.target.names == ("no", "yes")
    assert [decode(codes) for codes in found.codes] == [window_text(row) for row in ROWS]
    assert found.truth.tolist() == [row % 2 for row in ROWS]
    assert found.frame["contig"].tolist() == [interval(row)[0] for row in ROWS]
    assert found.frame["number"].tolist() == [row % 3 for row in ROWS]
    assert found.frame["line"].tolist() == list(range(3, 3 + len(ROWS)))
    assert (found.frame["end"] - found.frame["start"] == WINDOW).all()
    assert found.frame["start"].iloc[0] < 0
    assert set(found.frame["strand"]) == {"."}
    assert found.split.tolist() == [("train", "validation", "test")[row % 3] for row in ROWS]


def test_the_strand_says_how_a_window_is_read(read):
    found = read(lines(strand=True))
    strands = ["+-."[row // 3 % 3] for row in ROWS]
    assert found.frame["strand"].tolist() == strands
    assert [decode(codes) for codes in found.codes] == [
        window_text(row, strand == "-") for row, strand in zip(ROWS, strands, strict=True)
    ]
    assert found.about["minus_strand"] == strands.count("-")


def test_a_column_six_that_holds_no_strands_says_nothing(read):
    found = read([f"{line}\t1\t{number}" for number, line in enumerate(lines())])
    assert set(found.frame["strand"]) == {"."}
    texts = lines(strand=True)
    texts[6] = texts[6].removesuffix(".") + "minus" if texts[6].endswith(".") else texts[6][:-1] + "minus"
    with pytest.raises(InputError, match=r"labels\.bed, line 7: found 'minus' as the strand, expected \+, - or \."):
        read(texts)


@pytest.mark.parametrize("mark", ["#", ""])
def test_columns_go_by_number_or_by_name(read, mark):
    def of(row):
        return f"{row % 2}\t{'-' if row % 4 else '+'}\t{row / 2}"

    header = f"{mark}chrom\tstart\tend\tbound\tstrand\tlevel"
    texts = [header, *lines(label=of)]
    for column in ("bound", 4):
        assert read(texts, column=column).truth.tolist() == [row % 2 for row in ROWS]
    found = read(texts, kind="regression", column="level")
    assert found.target.names == ("level",)
    assert found.truth[:, 0].tolist() == [row / 2 for row in ROWS]
    assert found.frame["strand"].tolist() == ["-" if row % 4 else "+" for row in ROWS]
    assert read(texts, kind="regression", column=[6, "bound"]).target.names == ("level", "bound")
    with pytest.raises(InputError, match="there is no column 'labl'; the file has 6 columns and a header with chrom"):
        read(texts, column="labl")
    with pytest.raises(InputError, match="there is no column 5; the file has 4 columns and no header"):
        read(lines(), column=5)


def test_columns_between_spaces(read):
    found = read([line.replace("\t", "  ") for line in lines(strand=True)])
    expected = read(lines(strand=True))
    assert (found.codes == expected.codes).all()
    assert found.truth.tolist() == expected.truth.tolist()


def test_contigs_go_by_any_of_their_names(read, tmp_path):
    names = tmp_path / "names.tsv"
    pairs = [("one", "one"), ("chr1", "one"), ("two", "two"), ("three", "three"), ("chrM", "")]
    names.write_text("name\tcontig\n" + "".join(f"{name}\t{contig}\n" for name, contig in pairs))
    texts = [line.replace("one", "chr1") for line in lines()]
    found = read([*texts, "chrM\t1\t5\tyes", "chrM\t7\t9\tyes"], names=names, test=["three"], validation=["two"])
    assert [decode(codes) for codes in found.codes] == [window_text(row) for row in ROWS]
    assert set(found.frame["contig"]) == set(CONTIGS)
    assert found.about["left_out"]["contig dropped from the genome"] == 2


def test_contigs_that_are_unknown_are_left_out_and_named(read, caplog):
    with caplog.at_level(logging.WARNING):
        found = read(["chrX\t3\t9\tyes", *lines(), "chrY\t3\t9\todd"])
    assert found.about["left_out"]["contig not in the genome"] == 2
    assert "2 intervals lie on contigs that the genome does not have, and are left out: chrX, chrY" in caplog.text
    # nor are their labels classes
    assert found.target.names == ("no", "yes")
    with pytest.raises(InputError, match=r"line 1: the genome has no contig 'chr1' .*genome has one, two, three"):
        read(["chr1\t3\t9\tyes", "chr2\t3\t9\tno"])


def test_windows_without_bases_and_rows_without_labels_are_left_out(read, caplog):
    texts = lines()
    texts[2] = texts[2].rsplit("\t", 1)[0] + "\t"
    texts[5] = texts[5].rsplit("\t", 1)[0]
    found = read([*texts, "three\t1100\t1150\tyes"])
    assert found.about["left_out"]["no label"] == 2
    assert found.about["left_out"]["no known base"] == 1
    assert len(found.codes) == len(ROWS) - 2
    assert "2 intervals have no label and are left out" in caplog.text
    assert "labels.bed, line 3" in caplog.text


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "the file holds no intervals"),
        (["one\t5\t3\tyes"], "line 1: found 'one.*expected contig, start and end"),
        (["one\t5\t9\tyes", "one\tx\t9\tyes"], "line 2: found"),
        (["one\t5\t9000\tyes"], "line 1: one 5 9000 reaches past the end of the contig, which has 3000 bases"),
        (["one\t5\t9\t", "one\t7\t9\tNA"], "no interval has a label in column 4"),
        (["one\t5\t9\tyes", "two\t7\t9\tyes", "three\t7\t9\tyes"], "all of one class, yes"),
        (["one\t5\t9\tyes", "one\t50\t90\tno", "two\t7\t9\tyes"], "no example is for test"),
    ],
)
def test_what_is_of_no_use_is_refused(read, texts, message):
    with pytest.raises(InputError, match=message):
        read(texts)


def test_labels_and_numbers(read):
    found = read(lines(label=lambda row: ("a;b", "b", "none")[row // 3 % 3]), kind="multilabel")
    assert found.target.names == ("a", "b")
    assert found.truth.tolist() == [list([(1, 1), (0, 1), (0, 0)][row // 3 % 3]) for row in ROWS]
    found = read(lines(label=lambda row: "." if row % 2 else str(row)), kind="regression")
    assert found.target.names == ("column 4",)
    assert found.truth[:, 0].tolist() == [row for row in ROWS if row % 2 == 0]


def test_splits_by_column_and_by_what_the_corpus_held_out(read):
    words = ("train", "dev", "test")
    found = read(lines(label=lambda row: f"{row % 2}\t{words[row // 3 % 3]}"), split_column="5", by="column")
    assert found.split.tolist() == [("train", "validation", "test")[row // 3 % 3] for row in ROWS]
    found = read(lines(), by="auto", validation=0.3, test=0.2)
    assert found.about["origin"] == "tested on what the model's corpus held out"
    assert set(found.frame["contig"][found.split == "test"]) == {"three"}
    assert set(found.frame["contig"][found.split != "test"]) == {"one", "two"}
    assert len(found.codes) + found.about["left_out"]["across a border of the splits"] == len(ROWS)


def test_region_classes_are_of_the_central_half(genome, tmp_path):
    bed = ["one\t0\t1500\tCDS", "one\t1500\t3000\tintron", "two\t0\t1000\tCDS", "two\t1000\t2000\tintron"]
    bed += ["three\t0\t600\tCDS", "three\t600\t1000\tintron"]
    bed += ["three\t1000\t2400\tunannotated", "three\t2400\t2500\tncRNA"]
    (tmp_path / "regions.bed").write_text("\n".join(bed) + "\n")
    settings = {"split": SPLIT | {"by": "auto", "validation": 0.2, "test": 0.2}, "max_per_class": None}
    on = TaskGenome.of("g", genome, None, WINDOW, CORPUS, 1)
    found = region_examples(on, tmp_path / "regions.bed", settings)
    assert found.about["origin"] == "tested on what the model's corpus held out"
    assert (found.frame["contig"][found.split == "test"] == "three").all()
    spans = pd.DataFrame([line.split("\t") for line in bed], columns=["contig", "start", "end", "name"])
    for row, codes, truth in zip(found.frame.itertuples(), found.codes, found.truth, strict=True):
        middle = (row.start + row.end) // 2
        here = spans[(spans["contig"] == row.contig) & (spans["start"].astype(int) <= middle)]
        assert found.target.names[truth] == here["name"].iloc[-1]
        assert decode(codes) == CONTIGS[row.contig][row.start : row.end].upper()
    settings["max_per_class"] = 30
    fewer = region_examples(on, tmp_path / "regions.bed", settings)
    assert fewer.about["per_class"]["train"] == {"CDS": 30, "intron": 30}
    assert fewer.about["counts"]["test"] == found.about["counts"]["test"]
