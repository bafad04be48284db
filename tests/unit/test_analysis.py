"""Analysis of embeddings: classification, folds, k-mers and maps, against brute force and known answers."""

import json
from collections import Counter
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_genome import write_genome

from genoglot.embeddings import analysis
from genoglot.embeddings.classification import (
    bootstrap_balanced_accuracy,
    confusion_by_block,
    make_folds,
    predict_out_of_fold,
    recalls,
)
from genoglot.embeddings.kmers import canonical_classes, kmer_counts, kmer_frequencies
from genoglot.errors import InputError
from genoglot.genome.store import Genome, encode

WINDOW, STEP, DIM = 64, 32, 8
CLASSES = ["CDS", "intergenic", "promoter"]


def study(folder, windows_per_contig=(60, 60, 60), regions=None, vectors=None, seed=0):
    """A random genome with its embeddings.parquet; `vectors` makes (windows, DIM) from region names."""
    random = np.random.default_rng(seed)
    contigs = {
        f"chr{index}": "".join(random.choice(list("ACGT"), (count - 1) * STEP + WINDOW))
        for index, count in enumerate(windows_per_contig)
    }
    sequence, _ = write_genome(folder, contigs)
    table = pd.DataFrame(
        [
            (name, index * STEP)
            for name, count in zip(contigs, windows_per_contig, strict=True)
            for index in range(count)
        ],
        columns=["contig", "start"],
    )
    table["end"] = table["start"] + WINDOW
    table["region"] = random.choice(CLASSES, len(table)) if regions is None else regions
    text = [contigs[row.contig][row.start : row.end] for row in table.itertuples()]
    table["gc"] = [(window.count("G") + window.count("C")) / WINDOW for window in text]
    table["soft_masked"] = 0.0
    noise = random.normal(size=(len(table), DIM))
    embedding = noise if vectors is None else vectors(table["region"], noise)
    return write_embeddings(folder, table, embedding, random.normal(size=(len(table), DIM))), sequence


def write_embeddings(folder, table, embedding, untrained):
    stored = pa.Table.from_pandas(table, preserve_index=False)
    for name, values in (("embedding", embedding), ("untrained", untrained)):
        halves = pa.array(np.asarray(values, dtype=np.float16).ravel())
        stored = stored.append_column(name, pa.FixedSizeListArray.from_arrays(halves, DIM))
    pq.write_table(stored, folder / "embeddings.parquet")
    return folder / "embeddings.parquet"


@pytest.fixture
def flat_umap(monkeypatch):
    """The first two components in place of UMAP, which compiles for long."""
    monkeypatch.setattr(analysis, "_umap", lambda components, *_: components[:, :2])


def analyse(folder, embeddings, sequence, **settings):
    umap, metrics = folder / "umap.parquet", folder / "metrics.json"
    analysis.analyse_embeddings(embeddings, sequence, umap, metrics, **{"seed": 1, **settings})
    return pd.read_parquet(umap), json.loads(metrics.read_text())


def carry_class(regions, noise):
    vectors = 0.05 * noise
    vectors[np.arange(len(regions)), [CLASSES.index(name) for name in regions]] += 1
    return vectors


def test_embeddings_that_hold_the_class_are_right_and_noise_is_not(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path, vectors=carry_class)
    umap, metrics = analyse(tmp_path, embeddings, sequence)
    assert metrics["balanced_accuracy"] == 1
    assert metrics["balanced_accuracy_low"] == metrics["balanced_accuracy_high"] == 1
    for baseline in ("3mer", "6mer", "untrained"):
        accuracy = metrics[f"balanced_accuracy_{baseline}"]
        assert accuracy == pytest.approx(1 / 3, abs=0.13)
        assert metrics[f"balanced_accuracy_{baseline}_low"] < accuracy < metrics[f"balanced_accuracy_{baseline}_high"]
        assert metrics[f"difference_{baseline}"] == pytest.approx(1 - accuracy)
        assert metrics[f"difference_{baseline}_low"] > 0
    counts = np.array(metrics["confusion"]["counts"])
    assert metrics["confusion"]["labels"] == CLASSES
    assert (counts == np.diag([metrics["classes"][name] for name in CLASSES])).all()
    assert metrics["silhouette"] > 0.2
    assert abs(metrics["gc_r2"]) < 0.2
    assert len(umap) == metrics["windows"] == 180
    assert list(umap.columns) == [*analysis.COLUMNS, "umap_1", "umap_2", "pca_1", "pca_2"]


def test_gc_in_the_embedding_is_found(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path)
    table = pq.read_table(embeddings).to_pandas()
    vectors = np.tile(table["gc"].to_numpy()[:, None], (1, DIM))
    vectors[:, 1:] = np.random.default_rng(3).normal(size=(len(table), DIM - 1))
    embeddings = write_embeddings(tmp_path, table[analysis.COLUMNS], vectors, vectors[:, ::-1])
    _, metrics = analyse(tmp_path, embeddings, sequence)
    assert metrics["gc_r2"] > 0.8
    assert metrics["gc_r2_untrained"] == pytest.approx(metrics["gc_r2"], abs=0.01)


def test_rare_classes_are_left_out_and_named(tmp_path, flat_umap):
    regions = ["CDS"] * 100 + ["intergenic"] * 77 + ["repeat"] * 3
    embeddings, sequence = study(tmp_path, regions=np.random.default_rng(0).permutation(regions))
    _, metrics = analyse(tmp_path, embeddings, sequence)
    assert metrics["classes"] == {"CDS": 100, "intergenic": 77}
    assert metrics["left_out"] == {"repeat": 3}
    assert metrics["classified"] == np.sum(metrics["confusion"]["counts"]) == 177


@pytest.mark.parametrize("region", ["unannotated", "CDS"])
def test_one_class_gives_a_map_and_no_accuracy(tmp_path, flat_umap, region):
    embeddings, sequence = study(tmp_path, regions=region)
    umap, metrics = analyse(tmp_path, embeddings, sequence)
    assert len(umap) == 180
    for suffix in ("", "_3mer", "_6mer", "_untrained"):
        for end in ("", "_low", "_high"):
            assert metrics[f"balanced_accuracy{suffix}{end}"] is None
    assert "two region classes" in metrics["why_no_accuracy"]


def test_windows_without_bases_or_numbers_are_dropped_and_counted(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path)
    table = pq.read_table(embeddings).to_pandas()
    vectors = np.stack(table["embedding"])
    vectors[[5, 17]] = np.nan
    bases = np.load(sequence / "bases.npy")
    bases[:WINDOW] = 4
    np.save(sequence / "bases.npy", bases)
    table.loc[0, "gc"] = np.nan
    embeddings = write_embeddings(tmp_path, table[analysis.COLUMNS], vectors, vectors)
    umap, metrics = analyse(tmp_path, embeddings, sequence)
    assert metrics["dropped"] == {"not_finite": 2, "no_bases": 1}
    assert metrics["windows"] == len(umap) == 177
    first = set(umap.loc[umap["contig"] == "chr0", "start"])
    assert not {0, 5 * STEP, 17 * STEP} & first


def test_no_window_left_is_the_users_to_know(tmp_path):
    embeddings, sequence = study(tmp_path, vectors=lambda regions, noise: noise * np.nan)
    with pytest.raises(InputError, match="none of 180 windows"):
        analyse(tmp_path, embeddings, sequence)


def test_windows_of_another_genome_are_refused(tmp_path):
    embeddings, _ = study(tmp_path / "one")
    other, _ = write_genome(tmp_path / "two", {"IV": "ACGT" * 50})
    with pytest.raises(InputError, match="'chr0'"):
        analyse(tmp_path, embeddings, other)


def test_same_seed_same_map_and_all_windows_are_placed():
    components = np.random.default_rng(0).normal(size=(150, 5)).astype(np.float32)
    first, again = (analysis._umap(components, 7, 1000, 10, 0.1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (150, 2)
    assert np.isfinite(first).all()
    assert not np.array_equal(first, analysis._umap(components, 8, 1000, 10, 0.1))
    few = analysis._umap(components[:6], 7, 1000, 15, 0.1)
    assert np.isfinite(few).all()
    np.testing.assert_array_equal(analysis._umap(components[:4], 7, 1000, 15, 0.1), components[:4, :2])


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
