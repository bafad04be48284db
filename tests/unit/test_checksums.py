"""Checksums as users write them and as providers list them, against the programs that write such files."""

import hashlib
import random
import shutil
import subprocess

import pytest

from genoglot.errors import InputError
from genoglot.sources.checksums import (
    Checksum,
    bsd_sum,
    file_checksums,
    find_checksum,
    is_listing,
    parse_checksum,
    read_listing,
)

# Lines of ftp.ensembl.org, release 92, and of a folder of ftp.ncbi.nlm.nih.gov.
ENSEMBL = """\
55610 198719 Homo_sapiens.GRCh38.dna.alt.fa.gz
60532 67650 Homo_sapiens.GRCh38.dna.chromosome.1.fa.gz
00439 799942 Bos_taurus.ARS-UCD1.2.dna.toplevel.fa.gz
"""
NCBI = """\
2a2c33ee1ce27114e28ae1d34f07e1ab  ./GCA_001564475.1_12082_3_81_assembly_report.txt
154272f854dece3959b9321a21ec107b  ./GCA_001564475.1_12082_3_81_assembly_stats.txt
6fe8468575a1884c63565a96128fd7d6  ./GCA_001564475.1_12082_3_81_assembly_structure/Primary_Assembly/component_localID2acc
"""


def test_checksums_are_read_with_or_without_their_name():
    assert parse_checksum("A" * 64, "x") == ("sha256", "a" * 64)
    assert parse_checksum(" sha1:" + "b" * 40, "x") == ("sha1", "b" * 40)
    for wrong in ("abc", "md5:" + "a" * 40, "crc32:" + "a" * 32, "g" * 32, "md5:", "sum:12345"):
        with pytest.raises(InputError, match="checksum"):
            parse_checksum(wrong, "x")


def test_a_place_is_told_from_a_digest():
    assert all(map(is_listing, ("https://host/md5sums", "sums/MD5", "md5checksums.txt", "./CHECKSUMS")))
    assert not any(map(is_listing, ("a" * 32, "md5:" + "a" * 32, "SHA256:" + "B" * 64)))


def test_files_of_the_providers():
    assert find_checksum(ENSEMBL, "Homo_sapiens.GRCh38.dna.chromosome.1.fa.gz", "x") == ("sum", "60532 67650")
    assert find_checksum(ENSEMBL, "Bos_taurus.ARS-UCD1.2.dna.toplevel.fa.gz", "x") == ("sum", "439 799942")
    name = "GCA_001564475.1_12082_3_81_assembly_stats.txt"
    assert find_checksum(NCBI, name, "x") == ("md5", "154272f854dece3959b9321a21ec107b")
    assert find_checksum(NCBI, "component_localID2acc", "x") == ("md5", "6fe8468575a1884c63565a96128fd7d6")


@pytest.mark.parametrize("program", ["md5sum", "sha1sum", "sha256sum"])
@pytest.mark.parametrize("options", [[], ["--binary"], ["--tag"]], ids=str)
def test_lines_of_programs_are_read(program, options, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"there is no program {program}")
    content = b">a b\nACGT\n"
    (tmp_path / "a genome.fa").write_bytes(content)
    line = subprocess.run([program, *options, "a genome.fa"], cwd=tmp_path, capture_output=True, text=True, check=True)
    algorithm = program.removesuffix("sum")
    expected = Checksum(algorithm, hashlib.new(algorithm, content).hexdigest())
    assert find_checksum("# made today\n" + line.stdout, "a genome.fa", "x") == expected


def test_other_ways_to_write_a_line():
    digest = "0123456789ABCDEF" * 2
    for line in (
        f"{digest}\t*g.fa\r\n",
        f"MD5(g.fa)= {digest}\n",
        f"  {digest} ./g.fa",
        f"{digest}  release/9/g.fa",
        digest,
    ):
        assert find_checksum(line, "g.fa", "x") == ("md5", digest.lower())


def test_the_strongest_algorithm_and_the_bare_name_go_first():
    lines = f"12345 678 g.fa\n{'a' * 32}  g.fa\n{'b' * 64}  g.fa\n{'c' * 40}  g.fa\n"
    assert find_checksum(lines, "g.fa", "x") == ("sha256", "b" * 64)
    assert find_checksum(f"{'a' * 32}  old/g.fa\n{'b' * 32}  g.fa\n", "g.fa", "x") == ("md5", "b" * 32)


def test_what_a_listing_does_not_tell():
    with pytest.raises(InputError, match=r"sums\.txt: genome\.fa\.gz is not listed.*2 files.*genome\.fa"):
        find_checksum(f"{'a' * 32}  genome.fa\n{'a' * 32}  README\n", "genome.fa.gz", "sums.txt")
    with pytest.raises(InputError, match=r"2 different md5 checksums"):
        find_checksum(f"{'a' * 32}  one/g.fa\n{'b' * 32}  two/g.fa\n", "g.fa", "x")
    for text in ("", "<html>not here</html>", "a" * 33 + "  g.fa\n"):
        with pytest.raises(InputError, match="no line is a checksum"):
            find_checksum(text, "g.fa", "x")
    assert read_listing("some words\n\n") == []


def rotated_sum(content: bytes) -> str:
    """The checksum of the BSD program sum, written down byte by byte."""
    value = 0
    for byte in content:
        value = ((value >> 1) + ((value & 1) << 15) + byte) & 0xFFFF
    return f"{value} {-(-len(content) // 1024)}"


@pytest.mark.skipif(not shutil.which("sum"), reason="there is no program sum")
@pytest.mark.parametrize("length", [1, 1024, 5000])
def test_sum_of_a_file(tmp_path, length):
    content = random.Random(length).randbytes(length)
    (tmp_path / "f").write_bytes(content)
    assert bsd_sum(tmp_path / "f") == rotated_sum(content)


def test_sum_without_its_program(tmp_path, monkeypatch):
    (tmp_path / "f").write_bytes(b"x")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bsd_sum(tmp_path / "f") is None


def test_digests_of_a_file(tmp_path):
    content = random.Random(1).randbytes(3_000_000)
    (tmp_path / "f").write_bytes(content)
    assert file_checksums(tmp_path / "f", ("md5", "sha256")) == {
        "md5": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
