"""Repeats put into a genome, against bedtools and against the same done base by base."""

import gzip
import json
import random
import shutil
import subprocess

import pysam
import pytest

from genoglot.errors import InputError
from genoglot.genome import fasta as module
from genoglot.genome.fasta import normalise_fasta

CONTIGS = {"chr1": "ACGTN" * 20, "chr2": "ggcc" + "A" * 36, "chr3": "TTTT"}

OUT = """   SW   perc perc perc  query     position in query    matching repeat    position in repeat
score   div. del. ins.  sequence  begin end   (left)   repeat   class/family begin  end    (left)  ID

  463   1.3  0.6  1.7  chr1          1     5    (95) +  (CCCTAA)n  Simple_repeat   1  463    (0)      1
 3612  11.4 21.5  1.3  chr1         20    22    (78) C  TAR1       Satellite  (399)  1712    483      2 *
  239  29.4  1.9  1.0  chr2         40    40     (0) +  L1MC       LINE/L1    5646  5449 (2236)      3
   18  23.2  0.0  2.0  chrUn         1    90    (10) +  (TC)n      Simple_repeat   1   25    (0)      4
"""
OUT_MASKED = {"chr1": [(0, 5), (19, 22)], "chr2": [(39, 40)]}


@pytest.fixture
def masked(tmp_path):
    """Normalise sequences with repeats; return what pysam reads back, and the report's part on repeats."""

    def run(content: str | bytes, contigs=CONTIGS, aliases: str | None = None, **cleaning):
        source, repeats, table = (tmp_path / name for name in ("source.fa", "repeats", "aliases"))
        source.write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
        repeats.write_bytes(content if isinstance(content, bytes) else content.encode())
        if aliases is not None:
            table.write_text(aliases)
        normalise_fasta(
            source,
            tmp_path / "genome.fa.gz",
            tmp_path / "genome.json",
            "toy",
            cleaning,
            repeats,
            None if aliases is None else table,
        )
        with pysam.FastaFile(str(tmp_path / "genome.fa.gz")) as genome:
            sequences = {name: genome.fetch(name) for name in genome.references}
        report = json.loads((tmp_path / "genome.json").read_text())
        assert report["soft_masked"] == sum(sum(map(str.islower, text)) for text in sequences.values())
        return sequences, report["repeats"]

    return run


def in_lower_case(contigs, intervals):
    made = {}
    for name, text in contigs.items():
        letters = list(text)
        for start, end in intervals.get(name, []):
            letters[start:end] = "".join(letters[start:end]).lower()
        made[name] = "".join(letters)
    return made


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_repeatmasker_file(masked, monkeypatch, size, newline):
    monkeypatch.setattr(module, "blocks", lambda handle: iter(lambda: handle.read(size), b""))
    sequences, report = masked(OUT.replace("\n", newline))
    assert sequences == in_lower_case(CONTIGS, OUT_MASKED)
    assert report == {"intervals": 3, "bases": 9, "unknown_intervals": 1, "unknown_contigs": ["chrUn"]}


def test_a_repeatmasker_file_without_its_header_or_with_several(masked):
    rows = OUT.split("\n", 3)[3]
    expected = masked(OUT)
    assert masked(rows) == expected
    first, rest = rows.split("\n", 1)
    header = OUT.split("\n", 3)[:3]
    nothing = "There were no repetitive sequences detected in chr3.fa"
    assert masked("\n".join([*header, first, nothing, *header, rest])) == expected


BED = (
    'track name=repeats description="a b"\n#chrom\tstart\tend\nbrowser position chr1\n\n'
    "chr1\t0\t5\tL1 element\t0\t+\nchr1\t19\t22\nchr1\t20\t21\nchr1\t7\t7\nchr2 39 40 x\nchrUn\t0\t90\n"
)


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_a_bed_file(masked, pack):
    sequences, report = masked(pack(BED))
    assert sequences == in_lower_case(CONTIGS, OUT_MASKED)
    assert report == {"intervals": 5, "bases": 9, "unknown_intervals": 1, "unknown_contigs": ["chrUn"]}


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not there")
@pytest.mark.parametrize("size", [13, 1 << 20])
def test_random_repeats_are_masked_as_by_bedtools(masked, monkeypatch, tmp_path, size):
    monkeypatch.setattr(module, "blocks", lambda handle: iter(lambda: handle.read(size), b""))
    monkeypatch.setattr("genoglot.genome.repeats.ROWS", 7)
    generator = random.Random(5)
    made = {f"c{n}": "".join(generator.choices("ACGTNacgtn", k=200 + n)) for n in range(5)}
    rows = []
    for name, text in made.items():
        for _ in range(12):
            start = generator.randrange(len(text))
            rows.append(f"{name}\t{start}\t{min(len(text), start + generator.randrange(1, 30))}\n")
    generator.shuffle(rows)
    sequences, report = masked("".join(rows), made)
    command = ["bedtools", "maskfasta", "-soft", "-fi", "source.fa", "-bed", "repeats", "-fo", "expected.fa"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with pysam.FastxFile(str(tmp_path / "expected.fa")) as expected:
        assert sequences == {entry.name: entry.sequence for entry in expected}
    assert report["intervals"] == len(rows)


def test_repeats_go_by_any_name_of_a_contig(masked):
    bed = "1\t0\t5\nchr1\t19\t22\nNC_2.1\t39\t40\n"
    sequences, report = masked(bed, aliases="chr1\t1\nchr2\tNC_2.1\t2\n")
    assert sequences == in_lower_case(CONTIGS, OUT_MASKED)
    assert report["unknown_contigs"] == []


def test_only_the_repeats_count_where_soft_masks_are_ignored(masked):
    upper = {name: text.upper() for name, text in CONTIGS.items()}
    assert masked(OUT, soft_masks="ignore")[0] == in_lower_case(upper, OUT_MASKED)


def test_a_genome_in_lower_case_takes_its_masks_from_the_repeats(masked):
    sequences, _ = masked("a\t1\t3\n", {"a": "acgt"})
    assert sequences == {"a": "AcgT"}


def test_repeats_of_dropped_contigs_are_neither_counted_nor_unknown(masked):
    sequences, report = masked(OUT, min_contig_length=50)
    assert sequences == in_lower_case({"chr1": CONTIGS["chr1"]}, OUT_MASKED)
    assert (report["intervals"], report["bases"], report["unknown_contigs"]) == (2, 8, ["chrUn"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("chr1\t0\t5\nchr1\t90\t101\nchr1\t3\t4\n", "line 2: the repeat ends at 101.*'chr1' has 100 bases"),
        (OUT.replace("40    40 ", "41    41 "), "line 6: the repeat ends at 41.*'chr2' has 40"),
        ("I\t0\t5\nII\t0\t5\n", "no repeat lies on a contig.*Repeats: I, II.*Genome: chr1, chr2, chr3.*aliases"),
        ("", "no repeats in it"),
        ("#chrom\tstart\tend\n\n", "no repeats in it"),
        ("chr1\t0\t5\nchr1\t7\n", "line 2: found 'chr1 7"),
        ("\nchr1\t9\t5\n", "line 2: found 'chr1 9 5'.*start <= end"),
        ("chr1\t-1\t5\n", "line 1: found 'chr1 -1 5'.*BED"),
        ("chr1\t1.5\t5\n", "line 1: found 'chr1 1.5 5'"),
        ("##gff-version 3\nchr1\tRepeatMasker\trepeat\t1\t5\n", "line 2.*expected a contig, a start"),
        (OUT.replace("    1     5 ", "    0     5 "), r"line 4: found 'chr1 0 5'.*counted from 1"),
    ],
)
def test_what_is_no_repeat_is_refused_in_words(masked, tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        masked(content)
    assert not (tmp_path / "genome.fa.gz").exists()
