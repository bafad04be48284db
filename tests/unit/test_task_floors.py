"""Floors of tasks against counting in strings, scikit-learn on dense features, and distances one by one."""

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from sklearn.preprocessing import StandardScaler

from genoglot.errors import InputError
from genoglot.examples.target import Target
from genoglot.genome.store import decode, encode
from genoglot.tasks import floors
from genoglot.tasks.floors import (
    STRENGTHS,
    kmer_features,
    kmer_predictions,
    majority_predictions,
    neighbour_predictions,
    position_features,
    predicted_rows,
)
from genoglot.tasks.metrics import measure

TWO = Target("classes", ("no", "yes"))
LABELS = Target("labels", ("x", "y"))
VALUES = Target("values", ("u", "v"))
SIZE, LENGTH = 600, 60
SPLIT = np.array(["train", "train", "train", "validation", "test"] * (SIZE // 5))
ROWS = np.flatnonzero(SPLIT != "train")
TEST = SPLIT[ROWS] == "test"


def random_codes(seed, size=SIZE, length=LENGTH):
    return np.random.default_rng(seed).integers(4, size=(size, length)).astype(np.uint8)


def with_motif(seed, text="TATAAA"):
    """Sequences of which half have a motif somewhere, and which do."""
    rng = np.random.default_rng(seed)
    codes, there = random_codes(seed), rng.random(SIZE) < 0.5
    for row in np.flatnonzero(there):
        start = rng.integers(LENGTH - len(text))
        codes[row, start : start + len(text)] = encode(text)
    return codes, there.astype(int)


@pytest.mark.parametrize("both_strands", [True, False])
def test_frequencies_are_those_of_counting_in_strings(both_strands):
    rng = np.random.default_rng(1)
    codes = rng.choice(5, p=[0.24] * 4 + [0.04], size=(20, 30)).astype(np.uint8)
    codes[3] = 4
    complement = str.maketrans("ACGT", "TGCA")

    def name(text):
        return min(text, text.translate(complement)[::-1]) if both_strands else text

    columns = sorted({name("".join(letters)) for letters in product("ACGT", repeat=3)})
    expected = np.zeros((20, len(columns)))
    for row, text in enumerate(map(decode, codes)):
        words = [text[start : start + 3] for start in range(28) if "N" not in text[start : start + 3]]
        for word in words:
            expected[row, columns.index(name(word))] += 1 / len(words)
    np.testing.assert_allclose(kmer_features(codes, 3, both_strands).toarray(), expected)


def test_frequencies_do_not_depend_on_how_many_are_counted_at_once(monkeypatch):
    codes = random_codes(2, size=50)
    whole = kmer_features(codes, 4, True).toarray()
    monkeypatch.setattr(floors, "CHUNK", 7)
    np.testing.assert_array_equal(kmer_features(codes, 4, True).toarray(), whole)


def test_a_base_by_position_is_one_of_four():
    found = position_features(encode("ACGTN")[None]).toarray().reshape(5, 4)
    np.testing.assert_array_equal(found, np.vstack([np.eye(4), np.zeros(4)]))


def test_kmers_find_a_motif_and_positions_a_base(caplog):
    codes, truth = with_motif(3)
    with caplog.at_level("INFO"):
        found = kmer_predictions(codes, truth, SPLIT, TWO, 1)
    assert "kept: 6-mers" in caplog.text
    # over seeds of the data it is 0.56 on average, with a standard deviation of 0.1; guessing is 0 with one of 0.09
    assert measure(TWO, truth[ROWS][TEST], found[TEST]) > 0.3
    caplog.clear()
    codes = random_codes(4)
    truth = (codes[:, 20] == 2).astype(int)
    with caplog.at_level("INFO"):
        found = kmer_predictions(codes, truth, SPLIT, TWO, 1)
    assert "kept: bases by position" in caplog.text
    assert measure(TWO, truth[ROWS][TEST], found[TEST]) > 0.95


@pytest.mark.parametrize(("shorter", "offered"), [(0, True), (2, True), (30, False)])
def test_positions_are_for_sequences_of_one_length(shorter, offered):
    codes = random_codes(5)
    codes[:shorter, -1] = 4
    names = [name for name, _ in floors._feature_sets(codes, SPLIT == "train", True)]
    assert ("bases by position" in names) == offered


def test_the_penalty_is_what_validation_finds_best():
    codes, truth = with_motif(6)
    codes[::3, 0] = 4  # no positions
    features = kmer_features(codes, 6, True).toarray()
    scaled = StandardScaler(with_mean=False).fit(features[SPLIT == "train"]).transform(features)
    results = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300)
        model.fit(scaled[SPLIT == "train"], truth[SPLIT == "train"])
        chosen = scaled[SPLIT == "validation"], truth[SPLIT == "validation"]
        results.append((matthews_corrcoef(chosen[1], model.predict(chosen[0])), model.predict_proba(scaled[ROWS])))
    best = max(value for value, _ in results)
    found = kmer_predictions(codes, truth, SPLIT, TWO, 1)
    assert measure(TWO, truth[ROWS][~TEST], found[~TEST]) == pytest.approx(best)
    assert any(value == best and np.allclose(likely, found, atol=1e-3) for value, likely in results)


@pytest.mark.parametrize("floor", ["kmer", "neighbours", "majority"])
def test_tests_and_what_is_in_no_split_have_no_part(floor):
    codes, truth = with_motif(7)
    split = np.where(np.arange(SIZE) % 10 == 0, "", SPLIT)

    def predict(codes, truth):
        if floor == "kmer":
            return kmer_predictions(codes, truth, split, TWO, 1)
        if floor == "neighbours":
            return neighbour_predictions(np.eye(4)[codes].reshape(SIZE, -1), truth, split, TWO)
        return majority_predictions(truth, split, TWO)

    before = predict(codes, truth)
    assert before.shape == (len(predicted_rows(split)), 2)
    assert before.dtype == np.float32
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-6)
    out = (split == "test") | (split == "")
    changed, others = truth.copy(), codes.copy()
    changed[out] = 1 - changed[out]
    others[split == ""] = 0
    np.testing.assert_array_equal(predict(others, changed), before)


def test_labels_are_learnt_from_what_is_known():
    codes, motif = with_motif(8)
    truth = np.stack([motif, codes[:, 5] == 1], axis=1).astype(np.float32)
    truth[np.random.default_rng(1).random(truth.shape) < 0.3] = np.nan
    found = kmer_predictions(codes, truth, SPLIT, LABELS, 1)
    assert measure(LABELS, truth[ROWS][TEST], found[TEST]) > 0.7
    # a label that is always there in training is always likely; one that is never known is undecided
    truth[:, 0] = np.where(SPLIT == "train", 1, truth[:, 0])
    truth[SPLIT == "train", 1] = np.nan
    found = kmer_predictions(codes, truth, SPLIT, LABELS, 1)
    assert (found[:, 0] == 1).all()
    assert (found[:, 1] == 0.5).all()


def test_values_are_those_of_ridge_regression_column_by_column():
    rng = np.random.default_rng(9)
    codes = random_codes(9)
    positions = position_features(codes).toarray()
    truth = (positions @ rng.normal(size=(4 * LENGTH, 2)) * [1, 50] + [7, 1000]).astype(np.float32)
    truth[rng.random(SIZE) < 0.3, 1] = np.nan
    found = kmer_predictions(codes, truth, SPLIT, VALUES, 1)
    assert measure(VALUES, truth[ROWS][TEST], found[TEST]) > 0.7
    scaled = StandardScaler(with_mean=False).fit(positions[SPLIT == "train"]).transform(positions)
    alike = []
    for strength in STRENGTHS:
        columns = []
        for true in truth.T.astype(float):
            rows = (SPLIT == "train") & np.isfinite(true)
            # scaling the truth scales the coefficients, and leaves the penalty's share as it is
            model = Ridge(alpha=1 / strength, solver="cholesky").fit(scaled[rows], true[rows])
            columns.append(model.predict(scaled[ROWS]))
        alike.append(np.allclose(found, np.stack(columns, axis=1), rtol=1e-2, atol=1e-2))
    assert any(alike)


def test_a_class_without_training_examples_is_impossible():
    codes, truth = with_motif(10)
    target = Target("classes", ("no", "yes", "other"))
    truth[np.flatnonzero(SPLIT == "test")[:5]] = 2
    assert (kmer_predictions(codes, truth, SPLIT, target, 1)[:, 2] == 0).all()
    # one class alone is all there can be
    truth[SPLIT == "train"] = 1
    np.testing.assert_array_equal(kmer_predictions(codes, truth, SPLIT, target, 1), np.tile([0, 1, 0], (len(ROWS), 1)))


def test_neighbours_are_counted_one_by_one(caplog):
    rng = np.random.default_rng(11)
    truth = rng.integers(3, size=SIZE)
    target = Target("classes", ("a", "b", "c"))
    vectors = (rng.normal(size=(SIZE, 8)) + 1.5 * np.eye(8)[truth]) * 10.0 ** np.arange(8) + 100
    with caplog.at_level("INFO"):
        found = neighbour_predictions(vectors, truth, SPLIT, target)
    count = int(caplog.text.split("kept: ")[1].split()[0])
    train = SPLIT == "train"
    standard = (vectors - vectors[train].mean(axis=0)) / vectors[train].std(axis=0)
    share = np.bincount(truth[train], minlength=3) / train.sum()
    for row, likely in zip(ROWS[:40], found[:40], strict=True):
        cosine = standard[train] @ standard[row] / np.linalg.norm(standard[train], axis=1)
        votes = np.bincount(truth[train][np.argsort(-cosine)[:count]], minlength=3)
        np.testing.assert_allclose(likely, (votes + share) / (count + 1), atol=1e-6)
    assert measure(target, truth[ROWS][TEST], found[TEST]) > 0.5


@pytest.mark.parametrize("target", [LABELS, VALUES])
def test_neighbours_of_labels_and_values(target):
    rng = np.random.default_rng(12)
    vectors = rng.normal(size=(SIZE, 4))
    truth = (vectors[:, :2] > 0 if target is LABELS else vectors[:, :2] * 3).astype(np.float32)
    truth[rng.random(truth.shape) < 0.3] = np.nan
    found = neighbour_predictions(vectors, truth, SPLIT, target)
    assert np.isfinite(found).all()
    assert measure(target, truth[ROWS][TEST], found[TEST]) > 0.8
    if target is LABELS:
        known = np.isfinite(truth[ROWS, 0])
        assert roc_auc_score(truth[ROWS, 0][known], found[known, 0]) > 0.8


def test_few_training_examples_have_few_neighbours():
    truth = np.arange(6) % 2
    split = np.array(["train", "train", "validation", "validation", "test", "test"])
    vectors = np.array([[1.0], [-1.0]] * 3)
    np.testing.assert_array_equal(neighbour_predictions(vectors, truth, split, TWO).argmax(axis=1), [0, 1, 0, 1])


def test_the_commonest_class_and_the_mean():
    truth = np.where(np.arange(SIZE) % 3 == 0, 0, 1)
    found = majority_predictions(truth, SPLIT, TWO)
    assert (found.argmax(axis=1) == 1).all()
    np.testing.assert_allclose(found[0], np.bincount(truth[SPLIT == "train"]) / (SPLIT == "train").sum(), rtol=1e-6)
    truth = np.stack([np.arange(SIZE), np.full(SIZE, np.nan)], axis=1).astype(np.float32)
    truth[0, 0] = np.nan
    found = majority_predictions(truth, SPLIT, VALUES)
    assert found[3, 0] == pytest.approx(np.nanmean(truth[SPLIT == "train", 0]))
    assert found[3, 1] == 0


@pytest.mark.parametrize("missing", ["train", "validation"])
def test_a_split_without_examples_is_named(missing):
    codes, truth = with_motif(13)
    split = np.where(missing == SPLIT, "test", SPLIT)
    with pytest.raises(InputError, match=f"none is for {missing}"):
        kmer_predictions(codes, truth, split, TWO, 1)
