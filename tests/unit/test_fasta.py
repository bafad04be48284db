import gzip
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pysam
import pytest

from genoglot.errors import InputError
from genoglot.genome import fasta as module
from genoglot.genome.fasta import normalise_fasta, tokenize
from genoglot.genome.store import Genome, encode

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
YEAST = SHARED / "yeast" / "Saccharomyces_cerevisiae.R64-1-1.dna.primary_assembly.fa.gz"
SPACES = SHARED / "pinfestans" / "pinf_sc50.original_spaces_in_lines.fa.gz"


@pytest.fixture
def normalised(tmp_path):
    """Normalise bytes; return the sequences read back by pysam, and the report."""

    def run(content: bytes) -> tuple[dict[str, str], dict]:
        source = tmp_path / "source"
        source.write_bytes(content)
        normalise_fasta(source, tmp_path / "genome.fa.gz", tmp_path / "genome.json", "toy")
        with pysam.FastaFile(str(tmp_path / "genome.fa.gz")) as genome:
            sequences = {name: genome.fetch(name) for name in genome.references}
        return sequences, json.loads((tmp_path / "genome.json").read_text())

    return run


MESSY = (
    b"\r\n>chrI  first contig\r\nACGTacgt\r\nNNnn ACGT\tAC\r\n\r\nRYKM\r\n"
    b">chrII\nry sw\nACGUu\n\n>3\nG"  # the last line has no end
)
CLEAN = {"chrI": "ACGTacgtNNnnACGTACNNNN", "chrII": "nnnnACGTt", "3": "G"}


def test_messy_fasta_is_put_right_and_counted(normalised):
    sequences, report = normalised(MESSY)
    assert sequences == CLEAN
    assert report["genome"] == "toy"
    assert report["crlf"] is True
    assert report["spaces"] == 3
    assert report["source_sha256"] == hashlib.sha256(MESSY).hexdigest()
    assert report["contigs"][0] == {
        "name": "chrI",
        "length": 22,
        "n": 8,
        "iupac": 4,
        "uracil": 0,
        "soft_masked": 6,
        "gc": 7,
        "gaps": 0,
        "gap_bases": 0,
        "longest_gap": 0,
        "md5": hashlib.md5(CLEAN["chrI"].upper().encode()).hexdigest(),
    }
    second = report["contigs"][1]
    assert (second["iupac"], second["uracil"], second["n"], second["soft_masked"]) == (4, 2, 4, 5)
    assert report["length"] == sum(map(len, CLEAN.values()))
    assert report["n"] == 12


@pytest.mark.parametrize("pack", ["gzip", "members", "bgzip"])
def test_compression_is_told_by_content(normalised, tmp_path, pack):
    if pack == "bgzip":
        with pysam.BGZFile(str(tmp_path / "packed"), "wb") as handle:
            handle.write(MESSY)
        content = (tmp_path / "packed").read_bytes()
    else:
        cut = len(MESSY) if pack == "gzip" else 20
        content = gzip.compress(MESSY[:cut]) + (gzip.compress(MESSY[cut:]) if pack == "members" else b"")
    assert normalised(content)[0] == CLEAN


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_block_borders_make_no_difference(normalised, monkeypatch, size):
    whole = normalised(MESSY)
    monkeypatch.setattr(module, "blocks", lambda handle: iter(lambda: handle.read(size), b""))
    assert normalised(MESSY) == whole


def test_long_contigs_are_wrapped_and_indexed(normalised, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "blocks", lambda handle: iter(lambda: handle.read(97), b""))
    generator = random.Random(1)
    made = {
        f"c{n}": "".join(generator.choices("ACGTNacgtn", k=length)) for n, length in enumerate([1, 80, 81, 1600, 999])
    }
    sequences, report = normalised("".join(f">{name}\n{text}\n" for name, text in made.items()).encode())
    assert sequences == made
    for contig in report["contigs"]:
        text = made[contig["name"]]
        assert contig["gc"] == sum(text.upper().count(base) for base in "GC")
        assert contig["soft_masked"] == sum(map(str.islower, text))
        assert contig["n"] == text.upper().count("N")
    lines = gzip.decompress((tmp_path / "genome.fa.gz").read_bytes()).decode().splitlines()
    assert max(map(len, lines)) == 80
    assert lines[-1] == made["c4"][-(999 % 80) :]


def test_a_genome_in_lower_case_is_not_soft_masked(normalised):
    sequences, report = normalised(b">a\nacgtn\n>b\ngg\n")
    assert sequences == {"a": "ACGTN", "b": "GG"}
    assert report["lower_case"] is True
    assert report["soft_masked"] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"ACGT\n", "line 1: found 'ACGT', expected a FASTA header"),
        (b"<!DOCTYPE html>\n<html></html>", "HTML page"),
        (b"ID   X56734; SV 1; linear; mRNA\n", "EMBL"),
        (b">a\nACGT\nMEFL\n", "line 3, sequence 'a': found 'E'.*amino acid"),
        (b">a\nAC-GT\n", "line 2.*found '-'.*alignment"),
        (b">a\nAC1GT\n", "found '1'"),
        (b">a\nAC\n>b\nAC\n>a x\nGG\n", "two sequences are called 'a', in lines 1 and 5"),
        (b">a\nAC\n>b\n\n>c\nGG\n", "line 3: the sequence 'b' is empty"),
        (b">a\nAC\n>b\n", "line 3: the sequence 'b' is empty"),
        (b">\nACGT\n", "line 1.*no name"),
        (b"> a\nACGT\n", "line 1.*no name"),
        (b">a\rACGT\r>b\rAC\r", "carriage returns"),
        (gzip.compress(b">a\n" + b"ACGT" * 1000)[:-6], "end too early"),
    ],
)
def test_what_is_no_genome_is_refused_in_words(normalised, tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        normalised(content)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_tokens_are_the_bases(normalised, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FETCH", 5)
    normalised(MESSY)
    folder = tmp_path / "sequence"
    tokenize(tmp_path / "genome.fa.gz", folder / "bases.npy", folder / "contigs.tsv")
    genome = Genome(folder)
    assert list(genome.contigs.index) == list(CLEAN)
    assert isinstance(genome.bases, np.memmap)
    for name, text in CLEAN.items():
        expected = ["ACGTN".index(letter.upper()) + 8 * letter.islower() for letter in text]
        assert genome.contig(name).tolist() == expected
    with open(folder / "bases.npy", "rb") as handle:
        assert np.lib.format.read_magic(handle) == (1, 0)


GENBANK = """LOCUS       toy                       24 bp    DNA     linear   PLN 01-JAN-2000
ACCESSION   TOY
VERSION     TOY.1
FEATURES             Location/Qualifiers
     source          1..24
ORIGIN
        1 acgtnrtgca acgtacgtgg ccaa
//
"""


def test_a_genbank_file_is_a_genome_too(normalised):
    sequences, report = normalised(GENBANK.encode())
    assert {name: text.upper() for name, text in sequences.items()} == {"TOY.1": "ACGTNNTGCAACGTACGTGGCCAA"}
    assert (report["soft_masked"], report["contigs"][0]["iupac"]) == (0, 1)


DISK = """
import random, resource, signal, sys
from genoglot.errors import InputError
from genoglot.genome.fasta import normalise_fasta

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    normalise_fasta(sys.argv[1], "genome.fa.gz", "genome.json", "toy")
except InputError as error:
    print(error)
"""


def test_a_full_disk_is_no_success(tmp_path):
    """No file may grow past a limit: far below the output's size, and in its last bytes."""
    source = tmp_path / "source"
    source.write_bytes(b">a\n" + bytes(random.Random(2).choices(b"ACGT", k=200_000)))
    folder = tmp_path / "out"
    folder.mkdir()
    normalise_fasta(source, folder / "genome.fa.gz", folder / "genome.json", "toy")
    size = (folder / "genome.fa.gz").stat().st_size
    environment = {**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])}
    for limit, fits in [(20_000, False), (size - 20, False), (size, True)]:
        for path in folder.iterdir():
            path.unlink()
        command = [sys.executable, "-c", DISK, str(source), str(limit)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        assert ("is the disk full?" in done.stdout) is not fits, done.stdout
        assert (len(list(folder.iterdir())) > 0) is fits


@pytest.mark.skipif(not YEAST.exists(), reason=f"{YEAST} is not there")
def test_yeast(tmp_path):
    normalise_fasta(YEAST, tmp_path / "genome.fa.gz", tmp_path / "genome.json", "R64")
    tokenize(tmp_path / "genome.fa.gz", tmp_path / "bases.npy", tmp_path / "contigs.tsv")
    report = json.loads((tmp_path / "genome.json").read_text())
    genome = Genome(tmp_path)
    assert report["length"] == len(genome.bases) == 12_157_105
    assert (report["n"], report["soft_masked"], len(report["contigs"])) == (0, 0, 17)
    text = gzip.decompress(YEAST.read_bytes())
    assert report["gc"] == sum(line.count(b"G") + line.count(b"C") for line in text.split(b"\n") if line[:1] != b">")
    assert report["gc"] == int(np.isin(genome.bases, [1, 2]).sum())


@pytest.mark.skipif(not SPACES.exists(), reason=f"{SPACES} is not there")
def test_spaces_inside_lines_give_the_published_sequence(tmp_path):
    for name in ("original_spaces_in_lines", "normalised"):
        normalise_fasta(SPACES.with_name(f"pinf_sc50.{name}.fa.gz"), tmp_path / f"{name}.fa.gz", tmp_path / "r", name)
    one, other = (pysam.FastaFile(str(tmp_path / f"{n}.fa.gz")) for n in ("original_spaces_in_lines", "normalised"))
    assert one.fetch(one.references[0]).upper() == other.fetch(other.references[0]).upper()


@pytest.mark.parametrize("lengths", [[1], [79, 80, 81], [160, 1, 4000], [200_000]])
def test_indices_are_those_of_faidx(tmp_path, lengths):
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGTacgtN"), length)) for length in lengths]
    (tmp_path / "in.fa").write_text("".join(f">c{number} x\n{text}\n" for number, text in enumerate(texts)))
    normalise_fasta(tmp_path / "in.fa", tmp_path / "g.fa.gz", tmp_path / "g.json", "g")
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "g.fa.gz", tmp_path / "other")
    pysam.faidx(str(tmp_path / "other" / "g.fa.gz"))
    for end in (".fai", ".gzi"):
        assert (tmp_path / f"g.fa.gz{end}").read_bytes() == (tmp_path / "other" / f"g.fa.gz{end}").read_bytes()


def test_tokenizing_follows_the_index(tmp_path):
    """Lines of any length, descriptions in headers; and an index of another file is refused."""
    text = ">one some words\nACGTACG\nTTTNA\n>two\nacgt\nGG\n"
    with pysam.BGZFile(str(tmp_path / "g.fa.gz"), "wb", None) as handle:
        handle.write(text.encode())
    pysam.faidx(str(tmp_path / "g.fa.gz"))
    tokenize(tmp_path / "g.fa.gz", tmp_path / "bases.npy", tmp_path / "contigs.tsv")
    assert np.load(tmp_path / "bases.npy").tolist() == encode("ACGTACGTTTNA" + "acgtGG").tolist()
    index = tmp_path / "g.fa.gz.fai"
    index.write_text(index.read_text().replace("two\t6", "two\t9"))
    with pytest.raises(InputError, match="'two' does not lie where the index has it"):
        tokenize(tmp_path / "g.fa.gz", tmp_path / "other.npy", tmp_path / "other.tsv")
    assert not (tmp_path / "other.npy").exists()
