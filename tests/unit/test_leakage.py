"""Shared k-mers against sets of strings, and on real chromosomes."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import random_sequence

from genoglot.corpus import leakage
from genoglot.corpus.leakage import canonical_kmers, holds_n, mix, shared_kmers
from genoglot.errors import InputError
from genoglot.genome.fasta import normalise_fasta, tokenize
from genoglot.genome.store import Genome, encode

YEAST = Path(__file__).parents[3] / "shared/data/yeast/Saccharomyces_cerevisiae.R64-1-1.dna.primary_assembly.fa.gz"
COMPLEMENT = str.maketrans("ACGT", "TGCA")
WINDOW = 60


def reverse_complement(text: str) -> str:
    return text[::-1].translate(COMPLEMENT)


def table(rows: list[tuple[str, str, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["genome", "contig", "start", "end"])


def kmers(text: str, k: int) -> set[str]:
    text = text.upper()
    return {
        min(text[i : i + k], reverse_complement(text[i : i + k]))
        for i in range(len(text) - k + 1)
        if "N" not in text[i : i + k]
    }


def brute_force(held_out, training, texts, k):
    """Shares from sets of canonical k-mers; training windows that overlap or touch are one sequence."""
    seen = set()
    for (genome, contig), group in training.groupby(["genome", "contig"]):
        text = np.array(list(texts[genome][contig]))
        covered = np.zeros(len(text), dtype=bool)
        for start, end in zip(group["start"], group["end"], strict=True):
            covered[start:end] = True
        text[~covered] = "N"
        seen |= kmers("".join(text), k)
    shares = []
    for row in held_out.itertuples():
        own = kmers(texts[row.genome][row.contig][row.start : row.end], k)
        shares.append(len(own & seen) / len(own) if own else math.nan)
    return np.array(shares, dtype=np.float32)


@pytest.fixture
def related(make_genome):
    """Two genomes that share sequence on either strand, with N and lower case; windows held out and for training."""
    shared = random_sequence(200, 1)
    texts = {
        "a": {
            "held": shared[:90] + "N" * 70 + random_sequence(80, 2).lower() + "ACACACAC" * 10,
            "one": random_sequence(150, 3) + "AC" * 45,
        },
        "b": {"held": random_sequence(130, 4), "two": random_sequence(40, 5) + reverse_complement(shared) + "N" * 9},
    }
    sequences = {name: make_genome(contigs, name).folder for name, contigs in texts.items()}
    held_out = table(
        [
            (genome, "held", start, start + WINDOW)
            for genome in texts
            for start in range(0, len(texts[genome]["held"]) - WINDOW + 1, 23)
        ]
    )
    rows = [("a", "one", start, start + WINDOW) for start in range(0, 181, 30)]
    # runs that touch, and that lie apart
    rows += [("b", "two", start, start + WINDOW) for start in (120, 0, 60, 188)]
    return texts, sequences, held_out, table(rows)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 11, 16, 17, 21, 31])
def test_shares_against_sets_of_strings(related, k):
    texts, sequences, held_out, training = related
    expected = brute_force(held_out, training, texts, k)
    found = shared_kmers(held_out, training, sequences, k, scale=1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    if k == 11:
        assert np.isnan(expected).any()
        assert (expected == 0).any()
        assert (expected == 1).any()
        assert ((expected > 0) & (expected < 1)).any()


@pytest.mark.parametrize("k", [5, 21])
def test_no_kmer_is_lost_between_blocks(related, k, monkeypatch):
    texts, sequences, held_out, training = related
    expected = brute_force(held_out, training, texts, k)
    monkeypatch.setattr(leakage, "COMPARED", 3)
    for block in (1, 7, 50, 150):
        monkeypatch.setattr(leakage, "BLOCK", block)
        np.testing.assert_allclose(shared_kmers(held_out, training, sequences, k, scale=1), expected, rtol=1e-6)


def test_windows_as_categories_and_none_at_all(related):
    _, sequences, held_out, training = related
    expected = shared_kmers(held_out, training, sequences, 11)
    kinds = {"genome": "category", "contig": "category"}
    np.testing.assert_array_equal(shared_kmers(held_out.astype(kinds), training.astype(kinds), sequences, 11), expected)
    assert shared_kmers(held_out[:0], training, sequences, 11).shape == (0,)
    alone = shared_kmers(held_out, training[:0], sequences, 11)
    np.testing.assert_array_equal(np.isnan(alone), np.isnan(expected))
    assert (alone[~np.isnan(alone)] == 0).all()


@pytest.mark.parametrize("k", [0, 32])
def test_kmers_that_cannot_be_counted(related, k):
    _, sequences, held_out, training = related
    with pytest.raises(InputError, match=f"k-mers of {k} bases; expected 1 to 31"):
        shared_kmers(held_out, training, sequences, k)
    with pytest.raises(InputError, match="no more than the 20 of a window"):
        shared_kmers(held_out.assign(end=held_out["start"] + 20), training, sequences, 21)


@pytest.mark.parametrize("k", range(1, 32))
def test_canonical_kmers_are_numbers_of_strings(k):
    text = random_sequence(60, k) + "N" + random_sequence(40, k + 100)
    codes = encode(text)
    numbers, unknown = canonical_kmers(codes, k), holds_n(codes, k)
    assert len(numbers) == len(unknown) == len(text) - k + 1
    for i, (number, has_n) in enumerate(zip(numbers.tolist(), unknown, strict=True)):
        piece = text[i : i + k]
        assert has_n == ("N" in piece)
        if not has_n:
            spelt = min(piece, reverse_complement(piece))
            assert number == int("".join(str("ACGT".index(base)) for base in spelt), 4)


def test_hash_is_the_finaliser_of_splitmix64():
    def plain(x: int) -> int:
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    numbers = np.random.default_rng(0).integers(0, 2**62, 1000, dtype=np.uint64)
    assert mix(numbers).tolist() == [plain(number) for number in numbers.tolist()]
    # first output of the generator seeded with 0, from its authors' reference implementation
    assert mix(np.array([0x9E3779B97F4A7C15], dtype=np.uint64))[0] == 0xE220A8397B1DCDAF


def test_sample_of_kmers_estimates_the_share(make_genome):
    """Windows of 512 bases, of which a known part was copied into the training contig."""
    copied = np.arange(0, 500, 10)
    texts = [random_sequence(512, seed) for seed in range(len(copied))]
    training = "N".join(text[:bases] for text, bases in zip(texts, copied, strict=True))
    genome = make_genome({"held": "".join(texts), "one": training})
    starts = np.arange(len(texts)) * 512
    held_out = pd.DataFrame({"genome": "g", "contig": "held", "start": starts, "end": starts + 512})
    rows = table([("g", "one", 0, len(training))])
    expected = np.maximum(copied - 20, 0) / 492
    exact = shared_kmers(held_out, rows, {"g": genome.folder}, 21, scale=1)
    np.testing.assert_allclose(exact, expected, atol=1e-6)
    error = shared_kmers(held_out, rows, {"g": genome.folder}, 21) - expected
    assert np.abs(error).max() < 0.35
    assert abs(error.mean()) < 0.04
    assert 0.02 < error.std() < 0.12


@pytest.mark.skipif(not YEAST.exists(), reason="needs the shared yeast genome")
def test_chromosome_of_yeast_shares_only_its_repeats(tmp_path):
    """Chromosome IV against the others: Ty elements, telomeres and paralogous genes, all else unique."""
    normalise_fasta(YEAST, tmp_path / "genome.fa.gz", tmp_path / "genome.json", "R64")
    tokenize(tmp_path / "genome.fa.gz", tmp_path / "bases.npy", tmp_path / "contigs.tsv")
    lengths = Genome(tmp_path).contigs["length"]
    tiles = [
        pd.DataFrame({"genome": "R64", "contig": contig, "start": starts, "end": starts + 512})
        for contig, length in lengths.items()
        for starts in [np.arange(0, length - 511, 512)]
    ]
    frame = pd.concat(tiles, ignore_index=True)
    held_out, training = frame[frame["contig"] == "IV"], frame[frame["contig"] != "IV"]
    shared = shared_kmers(held_out, training, {"R64": tmp_path}, 21)
    assert not np.isnan(shared).any()
    assert 0.02 < (shared >= 0.5).mean() < 0.1
    assert np.median(shared) < 0.01
    # every window of IV is wholly found in IV itself
    assert (shared_kmers(held_out[:200], held_out, {"R64": tmp_path}, 31) == 1).all()
