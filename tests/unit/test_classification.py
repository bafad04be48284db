"""Classification of windows and its baseline: folds, bootstrap, and counts of k-mers."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from tiny_genome import write_genome

from genoglot.embeddings.classification import (
    bootstrap_balanced_accuracy,
    confusion_by_block,
    make_folds,
    predict_out_of_fold,
    recalls,
)
from genoglot.embeddings.kmers import canonical_classes, kmer_counts, kmer_frequencies
from genoglot.genome.store import Genome, encode

WINDOW, STEP = 64, 32


@pytest.mark.parametrize("sizes", [(10, 12, 9), (5,) * 11, (40, 20)])
def test_folds_share_no_contig(sizes):
    contigs = np.repeat([f"chr{index}" for index in range(len(sizes))], sizes)
    starts = np.concatenate([np.arange(size) for size in sizes]) * STEP
    kind, folds = make_folds(contigs, starts, starts + WINDOW)
    assert kind == "contigs"
    assert len(folds) == min(5, len(sizes))
    for fold in folds:
        assert not set(contigs[fold.train]) & set(contigs[fold.test])
        assert fold.contigs == sorted(set(contigs[fold.test]))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(contigs)))


@pytest.mark.parametrize("sizes", [(50,), (90, 10)])
def test_one_contig_is_cut_into_blocks_that_share_no_base(sizes):
    contigs = np.repeat([f"chr{index}" for index in range(len(sizes))], sizes)
    starts = np.concatenate([np.arange(size) for size in sizes]) * STEP
    kind, folds = make_folds(contigs, starts, starts + WINDOW)
    assert kind == "blocks"
    assert len(folds) == 5
    for fold in folds:
        for mine, other in product(fold.test, fold.train):
            apart = starts[mine] >= starts[other] + WINDOW or starts[other] >= starts[mine] + WINDOW
            assert contigs[mine] != contigs[other] or apart
        assert len(fold.train) >= len(contigs) - len(fold.test) - 4
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(contigs)))


def test_a_fold_with_one_class_to_learn_from_calls_that_class():
    contigs = np.repeat(["a", "b"], 20)
    labels = np.repeat([0, 1], 20)
    starts = np.tile(np.arange(20), 2)
    _, folds = make_folds(contigs, starts, starts + 1)
    features = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    predicted = predict_out_of_fold(features, labels, labels, folds, seed=0)
    np.testing.assert_array_equal(predicted, 1 - labels)


def canonical(word):
    return min(word, word[::-1].translate(str.maketrans("ACGT", "TGCA")))


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_kmer_counts_are_those_of_a_counter(k):
    random = np.random.default_rng(k)
    texts = ["".join(random.choice(list("ACGTN"), 50, p=[0.24] * 4 + [0.04])) for _ in range(5)]
    counts = kmer_counts(np.stack([encode(text) for text in texts]), k)
    words = ["".join(letters) for letters in product("ACGT", repeat=k)]
    classes, n_classes = canonical_classes(k)
    assert n_classes == len({canonical(word) for word in words}) == counts.shape[1]
    for text, row in zip(texts, counts, strict=True):
        expected = Counter(
            canonical(text[start : start + k]) for start in range(51 - k) if "N" not in text[start : start + k]
        )
        assert {word: row[classes[number]] for number, word in enumerate(words) if row[classes[number]]} == {
            word: expected[canonical(word)] for word in words if expected[canonical(word)]
        }


def test_kmer_frequencies_of_windows_of_unequal_length(tmp_path):
    sequence, _ = write_genome(tmp_path, {"a": "AAAACCCC", "b": "GGGGTTTTTT"})
    frequencies = kmer_frequencies(
        Genome(sequence), np.array([0, 1, 1]), np.array([0, 4, 0]), np.array([4, 10, 2]), k=3
    )
    classes, _ = canonical_classes(3)
    assert frequencies[0, classes[0]] == 1
    np.testing.assert_array_equal(frequencies[1], frequencies[0])
    assert frequencies[2].sum() == 0


def test_confusion_of_blocks_adds_up_and_its_bootstrap_is_centred():
    random = np.random.default_rng(0)
    labels = random.integers(3, size=900)
    predicted = np.where(random.random(900) < 0.7, labels, random.integers(3, size=900))
    contigs = np.repeat(["a", "b", "c"], [333, 400, 167])
    blocks = confusion_by_block(labels, predicted, contigs, 3)
    assert len(blocks) == 34 + 40 + 17
    expected = [[np.sum((labels == true) & (predicted == called)) for called in range(3)] for true in range(3)]
    np.testing.assert_array_equal(blocks.sum(axis=0), expected)
    accuracy = np.mean([np.mean(predicted[labels == true] == true) for true in range(3)])
    assert recalls(blocks.sum(axis=0)).mean() == pytest.approx(accuracy)
    draws = bootstrap_balanced_accuracy(blocks, seed=1)
    assert draws.mean() == pytest.approx(accuracy, abs=0.005)
    # the windows are independent here, so the spread is the binomial one
    assert draws.std() == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 900), rel=0.2)
    np.testing.assert_array_equal(draws, bootstrap_balanced_accuracy(blocks, seed=1))
