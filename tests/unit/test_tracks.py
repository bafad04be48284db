"""Values of bins and peaks out of files, against sums over single bases and against another reader of bigWig."""

import gzip

import numpy as np
import pyBigWig
import pytest
from tiny_corpus import random_sequence

from genoglot.errors import InputError
from genoglot.examples import bedgraph, bigwig, bins
from genoglot.examples.bedgraph import read_peaks
from genoglot.examples.bins import Bins, sequenced
from genoglot.examples.tracks import read_track
from genoglot.genome.bed import bed_blocks, bed_rows
from genoglot.genome.names import ContigNames

SIZE = 16
CONTIGS = {"one": random_sequence(1003, 1), "two": random_sequence(500, 2), "three": random_sequence(160, 3)}
CONTIGS["one"] = CONTIGS["one"][:100] + "N" * 60 + CONTIGS["one"][160:]
LENGTHS = {name: len(text) for name, text in CONTIGS.items()}
SETTINGS = {"aggregate": "mean", "missing": "zero", "column": 4, "loss": "squared"}
NAN = float("nan")
# contig, start, end, value
INTERVALS = [
    ("one", 0, 10, 1.5), ("one", 10, 40, 2.0), ("one", 50, 51, -3.0), ("one", 51, 55, NAN), ("one", 60, 100, NAN),
    ("one", 300, 700, 0.25), ("one", 990, 1003, 8.0), ("two", 100, 101, 1e3), ("two", 496, 500, 7.0),
]  # fmt: skip


@pytest.fixture
def genome(make_genome):
    return make_genome(CONTIGS)


def write_bigwig(path, intervals=INTERVALS, lengths=LENGTHS):
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(lengths.items()))
        for contig, start, end, value in intervals:
            track.addEntries([contig], [start], ends=[end], values=[float(value)])
    return path


def write_text(path, intervals=INTERVALS, compressed=False):
    lines = ["track type=bedGraph", *("\t".join(map(str, interval)) for interval in intervals)]
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if compressed else text)
    return path


@pytest.fixture
def read(genome):
    def read(path, names=None, **changes):
        known = ContigNames.of(genome.contigs.index, names)
        values, counts = read_track(path, genome, known, Bins.of(genome, SIZE), SETTINGS | changes)
        assert values.dtype == np.float32
        return values, counts

    return read


def by_base(aggregate, missing, intervals=INTERVALS):
    """Each bin from its single bases."""
    found = []
    for contig, length in LENGTHS.items():
        bases = [0.0 if missing == "zero" else NAN] * length
        for name, start, end, value in intervals:
            if name == contig:
                bases[start:end] = [value] * (end - start)
        for first in range(0, length, SIZE):
            here = bases[first : first + SIZE]
            known = [value for value in here if np.isfinite(value)]
            if 2 * len(known) < len(here):
                found.append(NAN)
            elif aggregate == "max":
                found.append(max(known))
            else:
                found.append(sum(known) / len(known) * (len(here) if aggregate == "sum" else 1))
    return found


@pytest.mark.parametrize("missing", ["zero", "unknown"])
@pytest.mark.parametrize("aggregate", ["mean", "sum", "max"])
def test_a_bin_has_the_aggregate_of_its_bases(read, tmp_path, monkeypatch, aggregate, missing):
    expected = by_base(aggregate, missing)
    assert np.isnan(expected).any()
    assert np.isfinite(expected).sum() > 20
    files = [
        write_bigwig(tmp_path / "a.bw"),
        write_bigwig(tmp_path / "called_as_you_like"),
        write_text(tmp_path / "a.bedgraph"),
        write_text(tmp_path / "a.bedgraph.gz", compressed=True),
    ]
    for piece in (1 << 20, 37):
        monkeypatch.setattr(bigwig, "PIECE", piece)
        monkeypatch.setattr(bedgraph, "bed_blocks", lambda path, size=piece: bed_blocks(path, size))
        for file in files:
            values, counts = read(file, aggregate=aggregate, missing=missing)
            np.testing.assert_allclose(values, expected, rtol=1e-6)
            assert not any(counts.values())


def test_a_bigwig_of_values_for_each_base_is_read_as_another_reader_reads_it(read, tmp_path):
    values = np.random.default_rng(1).poisson(2, LENGTHS["one"]).astype(float)
    path = tmp_path / "a.bigWig"
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(LENGTHS.items()))
        track.addEntries("one", 0, values=values.tolist(), span=1, step=1)
    whole = LENGTHS["one"] // SIZE
    with pyBigWig.open(str(path)) as track:
        expected = track.stats("one", 0, whole * SIZE, nBins=whole, exact=True)
    np.testing.assert_allclose(read(path)[0][:whole], expected, rtol=1e-6)


def test_blocks_of_a_bed_are_its_rows(tmp_path):
    path = write_text(tmp_path / "a.bed")
    whole = bed_rows(path)
    for size in (1, 20, 1000):
        parts = list(bed_blocks(path, size))
        assert [line for part in parts for line in part["line"]] == whole["line"].tolist()
        assert [text for part in parts for text in part["text"]] == whole["text"].tolist()


def test_contigs_go_by_their_other_names(read, tmp_path):
    names = tmp_path / "names.tsv"
    names.write_text("name\tcontig\none\tone\nchr1\tone\ntwo\ttwo\nthree\tthree\nold\t\n")
    renamed = [("chr1" if contig == "one" else contig, *rest) for contig, *rest in INTERVALS]
    lengths = {"chr1": LENGTHS["one"], "two": LENGTHS["two"], "old": 50, "other": 50}
    for path in (
        write_bigwig(tmp_path / "a.bw", [*renamed, ("old", 1, 5, 3), ("other", 1, 5, 3)], {**lengths, "more": 5}),
        write_text(tmp_path / "a.txt", [*renamed, ("old", 1, 5, 3), ("other", 1, 5, 3), ("more", 1, 5, 3)]),
    ):
        values, counts = read(path, names=names)
        listed = 3 if path.suffix == ".txt" else 2
        expected = np.array(by_base("mean", "zero"))
        if listed == 2:
            expected[-(LENGTHS["three"] // SIZE) :] = NAN
        np.testing.assert_allclose(values, expected, rtol=1e-6)
        assert counts == {"contigs that the genome does not have": 2, "contigs without a track": 3 - listed}


@pytest.mark.parametrize(
    ("intervals", "lengths", "message"),
    [
        ([("one", 0, 5, 1)], LENGTHS | {"two": 501}, "contig two has 501 bases, and two of the genome 500"),
        ([("chr9", 0, 5, 1)], {"chr9": 10}, "no contig of the genome. bigWig: chr9. Genome: one, two, three"),
        ([("one", 0, 5, 1), ("one", 7, 9, -2)], LENGTHS, r"a.bw: one 7 9 has the value -2; loss: poisson expects"),
    ],
)
def test_bigwigs_that_do_not_fit_are_refused(read, tmp_path, intervals, lengths, message):
    with pytest.raises(InputError, match=message):
        read(write_bigwig(tmp_path / "a.bw", intervals, lengths), loss="poisson")


def test_two_names_of_one_contig_in_a_bigwig_are_refused(read, tmp_path):
    names = tmp_path / "names.tsv"
    names.write_text("name\tcontig\none\tone\nchr1\tone\n")
    path = write_bigwig(tmp_path / "a.bw", [("one", 0, 5, 1)], {"one": 1003, "chr1": 1003})
    with pytest.raises(InputError, match="one and chr1 are both one of the genome"):
        read(path, names=names)


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ([("one", 0, 5, 1), ("one", 4, 9, 2)], "line 3: one 4 9 overlaps an interval above it"),
        ([("one", 10, 15, 1), ("two", 0, 5, 1), ("one", 20, 25, 1)], "line 4: one 20 25 overlaps .*, or comes after"),
        ([("one", 0, 5, "high")], "line 2: found 'high' in column 4, expected a number"),
        ([("one", 0, 5)], "line 2: found nothing in column 4"),
        ([("one", 1000, 1004, 1)], "line 2: one 1000 1004 reaches past the end of the contig, which has 1003 bases"),
        ([("one", 0, 5, 1), ("one", 7, 9, -2)], "line 3: one 7 9 has the value -2; loss: poisson expects"),
        ([("chr9", 0, 5, 1)], "line 2: the genome has no contig 'chr9'"),
        ([], "the file holds no intervals"),
    ],
)
def test_texts_that_do_not_fit_are_refused(read, tmp_path, intervals, message):
    with pytest.raises(InputError, match=message):
        read(write_text(tmp_path / "a.bedgraph", intervals), loss="poisson")


def test_files_that_are_something_else_are_refused(read, tmp_path):
    path = write_bigwig(tmp_path / "a.bw")
    raw = path.read_bytes()
    for name, content, message in (
        ("b.bw", b"chr1\t0\t5\t1\n", "this is no bigWig: its first bytes are 63 68 72 31"),
        ("c.bigWig", b"", "this is no bigWig: its first bytes are missing"),
        ("d.bb", bytes.fromhex("ebf28987") + raw[4:], "this is a bigBed"),
        ("e.bw", raw[:400], "cannot be read as bigWig"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
    with pytest.raises(InputError, match="there is no such file"):
        read(tmp_path / "none.bw")


def test_another_column_may_have_the_values(read, tmp_path):
    path = tmp_path / "a.narrowPeak"
    path.write_text("one\t0\t32\tx\t5\t.\t2.5\none\t32\t48\ty\t5\t.\tNA\n")
    values = read(path, column=7)[0]
    assert values[:2].tolist() == [2.5, 2.5]
    assert np.isnan(values[2])


def test_bins_of_unknown_sequence(genome, monkeypatch):
    for piece in (bins.PIECE, 40):
        monkeypatch.setattr(bins, "PIECE", piece)
        found = sequenced(genome, Bins.of(genome, SIZE))
        expected = [
            2 * sum(base in "ACGT" for base in text[first : first + SIZE]) >= len(text[first : first + SIZE])
            for text in CONTIGS.values()
            for first in range(0, len(text), SIZE)
        ]
        assert found.tolist() == expected
        assert not found.all()


def test_bins_of_windows(genome):
    grid = Bins.of(genome, SIZE)
    first = -(-1003 // SIZE)
    numbers, starts = np.array([0, 1, 2, 2]), np.array([-32, 480, 0, 144])
    assert grid.of_windows(numbers, starts, 4).tolist() == [
        [-1, -1, 0, 1],
        [first + 30, first + 31, -1, -1],
        [first + 32, first + 33, first + 34, first + 35],
        [first + 41, -1, -1, -1],
    ]


def test_peaks_mark_the_bins_that_they_half_cover_and_that_of_their_middle(genome, tmp_path):
    path = tmp_path / "peaks.bed"
    # half of bin 0, from two that overlap; less than half of bin 3; short; across a border of bins; the end of a contig
    peaks = [
        ("one", 4, 8), ("one", 0, 6), ("one", 30, 55), ("one", 165, 167), ("one", 311, 323), ("one", 1000, 1003),
        ("two", 0, 500), ("nine", 0, 5),
    ]  # fmt: skip
    path.write_text("".join(f"{contig}\t{start}\t{end}\n" for contig, start, end in peaks))
    grid = Bins.of(genome, SIZE)
    found, counts = read_peaks(path, genome, ContigNames.of(genome.contigs.index, None), grid)
    expected = []
    for contig, length in LENGTHS.items():
        covered = np.zeros(length, dtype=bool)
        middles = set()
        for name, start, end in peaks:
            if name == contig:
                covered[start:end] = True
                middles.add((start + end) // 2 // SIZE)
        for first in range(0, length, SIZE):
            expected.append(covered[first : first + SIZE].mean() >= 0.5 or first // SIZE in middles)
    assert found.tolist() == expected
    assert np.flatnonzero(found[:63]).tolist() == [0, 2, 10, 19, 62]
    assert counts == {"contig not in the genome": 1, "contig dropped from the genome": 0}
    path.write_text("nine\t0\t5\n")
    with pytest.raises(InputError, match="the genome has no contig 'nine'"):
        read_peaks(path, genome, ContigNames.of(genome.contigs.index, None), grid)
