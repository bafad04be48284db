"""BED files as users have them: read as they are meant, and what is wrong with them in words."""

import gzip

import pandas as pd
import pytest

from genoglot.errors import InputError
from genoglot.genome.bed import read_bed

CONTIGS = pd.DataFrame({"contig": ["I", "II", "NA"], "length": [100, 50, 10]})


@pytest.fixture
def bed(tmp_path):
    def write(text: str, name: str = "regions.bed"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["regions.bed", "regions.bed.gz"])
def test_intervals_among_headers_and_other_columns(bed, name):
    text = (
        "browser position I:1-10\ntrack name=x description='a\tb'\n# note\n\nII\t0\t50\tname\t0\t+\r\n"
        "I\t10\t20\n  \nI 3 4\nNA\t0\t10\tmore"
    )
    found = read_bed(bed(text, name), CONTIGS)
    rows = [("II", 0, 50), ("I", 10, 20), ("I", 3, 4), ("NA", 0, 10)]
    assert list(found.itertuples(index=False, name=None)) == rows


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("I\t10", ["line 3: found 'I\\t10'", "contig, start and end"]),
        ("I\tten\t20", ["line 3"]),
        ("I\t-1\t20", ["line 3", "whole numbers from 0"]),
        ("I\t1.5\t20", ["line 3"]),
        ("I\t20\t20", ["line 3", "start < end"]),
        ("I\t20\t101", ["line 3: I 20 101 reaches past the end", "100 bases"]),
        ("chrI\t0\t5", ["line 3: the genome has no contig 'chrI'", "I, II, NA", "aliases"]),
    ],
)
def test_a_bad_line_is_named(bed, line, words):
    with pytest.raises(InputError) as error:
        read_bed(bed(f"# head\nI\t0\t10\n{line}\nII\t0\t5\n"), CONTIGS)
    assert all(word in str(error.value) for word in ["regions.bed", *words])


def test_an_empty_file_is_refused(bed):
    with pytest.raises(InputError, match="holds no intervals"):
        read_bed(bed("# nothing\n"), CONTIGS)


def test_contigs_by_their_other_names(bed, tmp_path, caplog):
    caplog.set_level("INFO")
    names = tmp_path / "names.tsv"
    names.write_text("name\tcontig\nI\tI\nchrI\tI\nII\tII\nNA\tNA\nchrM\t\n")
    found = read_bed(bed("chrI\t0\t5\nchrM\t0\t9999\nNA\t1\t2\n"), CONTIGS, names)
    assert list(found.itertuples(index=False, name=None)) == [("I", 0, 5), ("NA", 1, 2)]
    assert "1 intervals lie on contigs that were dropped" in caplog.text
    with pytest.raises(InputError, match="line 1: the genome has no contig 'chrII'"):
        read_bed(bed("chrII\t0\t5\n"), CONTIGS, names)
    with pytest.raises(InputError, match="line 1: I 0 101 reaches past"):
        read_bed(bed("chrI\t0\t101\n"), CONTIGS, names)
