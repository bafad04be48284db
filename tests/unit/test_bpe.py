"""Byte-pair encoding learnt from a corpus: its merges, and what it is learnt from."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import random_sequence
from token_corpus import write_windows

from genoglot.errors import InputError
from genoglot.genome.fasta import normalise_fasta, tokenize
from genoglot.genome.store import Genome
from genoglot.tokens import bpe
from genoglot.tokens.bpe import Bpe, train_bpe
from genoglot.tokens.encoding import SPECIAL
from genoglot.tokens.files import write_tokenizer

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def slow_byte_pairs(words: list[str], merges: int) -> list[str]:
    """The merges of byte-pair encoding, counted anew each time; ties go to the earlier pair of the vocabulary."""
    split = [list(word) for word in words]
    vocabulary = list("ACGT")
    for _ in range(merges):
        counts: dict[tuple[str, str], int] = {}
        for word in split:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], *(vocabulary.index(token) for token in pair)))
        joined = "".join(best)
        if joined not in vocabulary:
            vocabulary.append(joined)
        for word in split:
            place = 0
            while place < len(word) - 1:
                if (word[place], word[place + 1]) == best:
                    word[place : place + 2] = [joined]
                place += 1
    return vocabulary[4:]


def test_merges_are_those_of_the_algorithm(make_genome, tmp_path, monkeypatch):
    sequence = random_sequence(400, 3) + "N" * 7 + random_sequence(50, 4)
    genome = make_genome({"c": sequence})
    windows = write_windows(tmp_path, [("c", 0, len(sequence), "train")])
    # one strand, so that the expected words are those of the sequence
    monkeypatch.setattr(bpe, "reverse_complement", lambda codes: codes)
    train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 8 + 12, 10_000, 1)
    found = Bpe(tmp_path / "bpe" / "tokenizer.json").tokens
    assert found[:8] == ["A", "C", "G", "T", "N", *SPECIAL]
    assert found[8:] == slow_byte_pairs([word for word in sequence.split("N") if word], 12)


def test_only_training_windows_are_learnt_from(make_genome, tmp_path):
    genome = make_genome({"train": "AC" * 500, "held": "GT" * 500, "apart": "GA" * 500})
    rows = [("train", 0, 1000, "train"), ("held", 0, 1000, "validation"), ("apart", 0, 1000, "test")]
    train_bpe(write_windows(tmp_path, rows), {"g": genome.folder}, tmp_path / "bpe", 30, 10_000, 0)
    learnt = "".join(Bpe(tmp_path / "bpe" / "tokenizer.json").tokens[8:])
    # (AC)n on one strand or, if the piece was turned, (GT)n on the other; never the test contig's (GA)n or (TC)n
    assert learnt
    assert not re.search("GA|AG|TC|CT", learnt)


def test_both_strands_are_learnt_from(make_genome, tmp_path):
    genome = make_genome({"c": "AAG" * 7000})
    windows = write_windows(tmp_path, [("c", 0, 21_000, "train")])
    train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 14, 50_000, 0)
    learnt = set(Bpe(tmp_path / "bpe" / "tokenizer.json").tokens)
    assert any(set(token) == set("AG") for token in learnt)
    assert any(set(token) == set("CT") for token in learnt)


def test_a_sample_takes_each_piece_at_most_once(monkeypatch):
    monkeypatch.setattr(bpe, "PIECE", 4)
    stretches = [np.arange(first, first + 30) for first in range(0, 300, 30)]
    taken = bpe._sample(iter(stretches), 40, np.random.default_rng(0))
    assert len(taken) == 10
    bases = np.concatenate(taken)
    assert len(np.unique(bases)) == len(bases)
    assert (np.diff(bases) > 0).all()
    again = bpe._sample(iter(stretches), 40, np.random.default_rng(0))
    other = bpe._sample(iter(stretches), 40, np.random.default_rng(1))
    assert np.array_equal(np.concatenate(again), bases)
    assert not np.array_equal(np.concatenate(other), bases)
    everything = bpe._sample(iter(stretches), 10_000, np.random.default_rng(0))
    assert np.array_equal(np.concatenate(everything), np.arange(300))
    # every piece has the same chance, the pieces at the end no less than those at the beginning
    counts = np.zeros(80)
    for seed in range(400):
        chosen = bpe._sample(iter(stretches), 40, np.random.default_rng(seed))
        counts[[int(piece[0]) // 30 * 8 + int(piece[0]) % 30 // 4 for piece in chosen]] += 1
    assert counts.sum() == 4000
    assert abs(counts - 50).max() < 5 * np.sqrt(50)


def test_input_that_gives_no_tokens_is_refused(make_genome, tmp_path):
    genome = make_genome({"c": "N" * 200})
    windows = write_windows(tmp_path, [("c", 0, 200, "train")])
    with pytest.raises(InputError, match="hold no base but N"):
        train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 30, 1000, 0)
    with pytest.raises(InputError, match="a vocabulary of 8 tokens"):
        train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 8, 1000, 0)
    assert not (tmp_path / "bpe").exists()


@pytest.mark.skipif(not (SHARED / "yeast").is_dir(), reason="the yeast genome is not here")
def test_byte_pairs_of_yeast_are_shorter_than_its_bases(tmp_path):
    fasta = SHARED / "yeast" / "Saccharomyces_cerevisiae.R64-1-1.dna.primary_assembly.fa.gz"
    normalise_fasta(fasta, tmp_path / "genome.fa.gz", tmp_path / "genome.json", "g")
    tokenize(tmp_path / "genome.fa.gz", tmp_path / "bases.npy", tmp_path / "contigs.tsv")
    genome = Genome(tmp_path)
    rows = [("IV", start, start + 512, "train") for start in range(0, 1_500_000, 512)]
    rows += [("I", start, start + 512, "validation") for start in range(0, 200_000, 512)]
    settings = {"type": "bpe", "vocabulary": 512, "sample_bases": 500_000}
    write_tokenizer(settings, tmp_path / "bpe", write_windows(tmp_path, rows), {"g": genome.folder}, seed=1)
    metrics = json.loads((tmp_path / "bpe" / "metrics.json").read_text())
    assert metrics["vocabulary"] == 512
    # 512 tokens are 9 bits, which uniform bases would fill with 4.5 of them; yeast is a little more regular
    assert 3.4 < metrics["bases_per_token"] < 4.5
    assert metrics["used"] > 0.98
    assert metrics["unknown"] == 0
