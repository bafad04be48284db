"""Contigs dropped, gaps counted and sequences digested, against the same done on whole strings."""

import hashlib
import json
import random
import re

import pysam
import pytest

from genoglot.errors import InputError
from genoglot.genome import fasta as module
from genoglot.genome.fasta import normalise_fasta


@pytest.fixture
def cleaned(tmp_path):
    """Normalise named sequences with settings; return what pysam reads back, and the report."""

    def run(contigs: dict[str, str], **cleaning) -> tuple[dict[str, str], dict]:
        source = tmp_path / "source.fa"
        source.write_text("".join(f">{name} some words\n{text}\n" for name, text in contigs.items()))
        normalise_fasta(source, tmp_path / "genome.fa.gz", tmp_path / "genome.json", "toy", cleaning)
        with pysam.FastaFile(str(tmp_path / "genome.fa.gz")) as genome:
            sequences = {name: genome.fetch(name) for name in genome.references}
        return sequences, json.loads((tmp_path / "genome.json").read_text())

    return run


def read_by(monkeypatch, size: int) -> None:
    monkeypatch.setattr(module, "blocks", lambda handle: iter(lambda: handle.read(size), b""))


CONTIGS = {"chr1": "ACGTA" * 5, "chr1_alt": "A" * 40, "MT": "C" * 30, "chrUn_7": "G" * 9, "tiny": "AC"}


@pytest.mark.parametrize("size", [3, 1 << 20])
def test_short_and_unwanted_contigs_are_left_out(cleaned, monkeypatch, size):
    read_by(monkeypatch, size)
    sequences, report = cleaned(CONTIGS, min_contig_length=9, drop_contigs=["MT", "chr*_alt", "mt", "c?r1x"])
    assert sequences == {name: CONTIGS[name] for name in ("chr1", "chrUn_7")}
    assert report["dropped"] == [
        {"name": "chr1_alt", "length": 40, "reason": "pattern"},
        {"name": "MT", "length": 30, "reason": "pattern"},
        {"name": "tiny", "length": 2, "reason": "short"},
    ]
    assert report["length"] == 34
    assert [contig["name"] for contig in report["contigs"]] == ["chr1", "chrUn_7"]
    assert report["cleaning"]["drop_contigs"] == ["MT", "chr*_alt", "mt", "c?r1x"]
    assert report["cleaning"]["min_gap"] == 10
    assert report["repeats"] is None


def test_nothing_is_dropped_unless_asked_for(cleaned):
    sequences, report = cleaned(CONTIGS)
    assert sequences == CONTIGS
    assert report["dropped"] == []
    assert report["cleaning"] == {"min_contig_length": 0, "drop_contigs": [], "soft_masks": "keep", "min_gap": 10}


def test_patterns_look_at_the_case(cleaned):
    assert "MT" in cleaned(CONTIGS, drop_contigs=["mt"])[0]


def test_dropping_everything_is_refused(cleaned, tmp_path):
    with pytest.raises(InputError, match=r"drops all 5 sequences.*1000.*'chr1_alt' of 40 bases"):
        cleaned(CONTIGS, min_contig_length=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["source.fa"]


def test_soft_masks_can_be_ignored(cleaned):
    mixed = {"a": "ACGTacgtnN", "b": "gg"}
    sequences, report = cleaned(mixed, soft_masks="ignore")
    assert sequences == {"a": "ACGTACGTNN", "b": "GG"}
    assert (report["soft_masked"], report["lower_case"]) == (0, False)
    assert cleaned({"a": "acgt"}, soft_masks="ignore")[1]["lower_case"] is True


def test_case_is_judged_by_what_stays(cleaned):
    sequences, report = cleaned({"a": "acgt", "MT": "ACGT"}, drop_contigs=["MT"])
    assert sequences == {"a": "ACGT"}
    assert report["lower_case"] is True


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("shortest", [1, 3])
def test_gaps_are_those_of_a_regular_expression(cleaned, monkeypatch, size, shortest):
    read_by(monkeypatch, size)
    generator = random.Random(size)
    made = {f"c{n}": "".join(generator.choices("ACgNnR", [1, 1, 1, 3, 2, 1], k=1 + 50 * n)) for n in range(7)}
    made |= {"all": "N" * 90, "none": "ACGT", "start": "NNNNA", "end": "ANNNN"}
    _, report = cleaned(made, min_gap=shortest)
    for contig in report["contigs"]:
        runs = [len(run) for run in re.findall("[NnR]+", made[contig["name"]]) if len(run) >= shortest]
        found = (contig["gaps"], contig["gap_bases"], contig["longest_gap"])
        assert found == (len(runs), sum(runs), max(runs, default=0)), contig["name"]
    for key in ("gaps", "gap_bases"):
        assert report[key] == sum(contig[key] for contig in report["contigs"])
    assert report["longest_gap"] == 90


def test_equal_sequences_are_named(cleaned):
    made = {"a": "ACGTN", "b": "acgtr", "c": "ACGT", "d": "TTTT", "e": "tttt"}
    _, report = cleaned(made)
    assert report["duplicates"] == [["a", "b"], ["d", "e"]]
    written = {"a": b"ACGTN", "b": b"ACGTN", "c": b"ACGT", "d": b"TTTT", "e": b"TTTT"}
    for contig in report["contigs"]:
        assert contig["md5"] == hashlib.md5(written[contig["name"]]).hexdigest()


def test_the_digest_is_that_of_the_sequence_as_written(cleaned, monkeypatch):
    made = {"a": "ACGTacgt" * 30, "bb": "N"}
    first = cleaned(made)[1]["sequence_sha256"]
    text = "".join(f">{name}\n{sequence}\n{len(sequence)}\n" for name, sequence in made.items())
    assert first == hashlib.sha256(text.encode()).hexdigest()
    read_by(monkeypatch, 11)
    assert cleaned({**made, "short": "A"}, drop_contigs=["short"])[1]["sequence_sha256"] == first
    others = [
        {"a": made["a"].upper(), "bb": "N"},
        {"a": made["a"], "b": "N"},
        {"bb": "N", "a": made["a"]},
        {"a": made["a"] + "N", "bb": "N"},
    ]
    digests = {cleaned(other)[1]["sequence_sha256"] for other in others}
    assert len(digests | {first}) == 5
