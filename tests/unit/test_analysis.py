"""Analysis of embeddings: classification, folds, k-mers and maps, against brute force and known answers."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import false_discovery_control, fisher_exact, kruskal, spearmanr
from tiny_genome import write_genome

from genoglot.embeddings import analysis, clusters, neighbours
from genoglot.embeddings.axes import describe_axes, explained_by_groups
from genoglot.embeddings.clusters import describe_clusters, find_clusters
from genoglot.embeddings.neighbours import nearest_windows
from genoglot.embeddings.projection import umap_positions
from genoglot.errors import InputError

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
    table["perplexity"] = random.uniform(2, 4, len(table))
    noise = random.normal(size=(len(table), DIM))
    embedding = noise if vectors is None else vectors(table["region"], noise)
    return write_embeddings(folder, table, embedding, random.normal(size=(len(table), DIM))), sequence


def write_embeddings(folder, table, embedding, untrained, compared=None):
    stored = pa.Table.from_pandas(table, preserve_index=False)
    for name, values in (("embedding", embedding), ("untrained", untrained)):
        halves = pa.array(np.asarray(values, dtype=np.float16).ravel())
        there = pa.array([name == "untrained" and not row for row in compared]) if compared is not None else None
        stored = stored.append_column(name, pa.FixedSizeListArray.from_arrays(halves, DIM, mask=there))
    pq.write_table(stored, folder / "embeddings.parquet")
    return folder / "embeddings.parquet"


@pytest.fixture
def flat_umap(monkeypatch):
    """The first two components in place of UMAP, which compiles for long."""
    monkeypatch.setattr(analysis, "umap_positions", lambda components, *_: components[:, :2])


def analyse(folder, embeddings, sequence, **settings):
    umap, metrics = folder / "umap.parquet", folder / "metrics.json"
    near = folder / "neighbours.parquet"
    analysis.analyse_embeddings(embeddings, sequence, umap, metrics, near, **{"seed": 1, **settings})
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
    assert list(umap.columns) == [*analysis.COLUMNS, "umap_1", "umap_2", "pca_1", "pca_2", "cluster"]


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
    first, again = (umap_positions(components, 7, 1000, 10, 0.1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (150, 2)
    assert np.isfinite(first).all()
    assert not np.array_equal(first, umap_positions(components, 8, 1000, 10, 0.1))
    few = umap_positions(components[:6], 7, 1000, 15, 0.1)
    assert np.isfinite(few).all()
    np.testing.assert_array_equal(umap_positions(components[:4], 7, 1000, 15, 0.1), components[:4, :2])


def test_classes_are_predicted_on_the_windows_that_both_networks_read(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path, vectors=carry_class)
    table = pq.read_table(embeddings).to_pandas()
    vectors, compared = np.stack(table["embedding"]), np.arange(180) % 3 == 0
    embeddings = write_embeddings(tmp_path, table[analysis.COLUMNS], vectors, vectors, compared)
    umap, metrics = analyse(tmp_path, embeddings, sequence)
    assert len(umap) == metrics["windows"] == 180
    assert metrics["compared"] == metrics["classified"] == 60
    assert metrics["classes"] == table["region"][compared].value_counts().to_dict()
    assert metrics["balanced_accuracy"] == metrics["balanced_accuracy_untrained"] == 1
    assert metrics["dropped"] == {"not_finite": 0, "no_bases": 0}
    embeddings = write_embeddings(tmp_path, table[analysis.COLUMNS], vectors, vectors, np.zeros(180, dtype=bool))
    _, metrics = analyse(tmp_path, embeddings, sequence)
    assert metrics["balanced_accuracy"] is None
    assert "untrained network" in metrics["why_no_accuracy"]


def test_the_same_seed_gives_the_same_files(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path)
    names = ("umap.parquet", "metrics.json", "neighbours.parquet")
    made = []
    for _ in range(2):
        analyse(tmp_path, embeddings, sequence)
        made.append([(tmp_path / name).read_bytes() for name in names])
    assert made[0] == made[1]


def blobs(sizes, seed=0, apart=20.0):
    """Points of well separated groups, of so many each, and their group."""
    random, groups = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    return random.normal(size=(len(groups), 6)) + apart * np.eye(6)[groups], groups


@pytest.mark.parametrize("most", [10_000, 100])
def test_groups_that_lie_apart_are_clusters_by_size(most, monkeypatch):
    monkeypatch.setattr(clusters, "MAX_CLUSTERED", most)
    points, groups = blobs([60, 150, 90])
    found, about = find_clusters(points, seed=1)
    np.testing.assert_array_equal(found, np.array([2, 0, 1])[groups])
    assert about["clustered"] == min(most, 300)
    np.testing.assert_array_equal(found, find_clusters(points, seed=1)[0])


def test_what_lies_between_groups_is_in_no_cluster_and_few_windows_are_none():
    points, _ = blobs([80, 80])
    far = np.vstack([points, np.random.default_rng(1).uniform(-200, 200, (5, 6))])
    found, _ = find_clusters(far, seed=1)
    assert (found[-5:] == clusters.NOISE).all()
    assert len(set(found[:80])) == 1
    assert (find_clusters(points[:15], seed=1)[0] == clusters.NOISE).all()


def test_enrichment_of_clusters_is_that_of_fishers_exact_test():
    random = np.random.default_rng(2)
    number = random.integers(-1, 3, 400)
    region = np.where(random.random(400) < 0.3 + 0.2 * (number == 1), "CDS", "intergenic")
    region[::10] = "unannotated"
    table = pd.DataFrame({"region": region, "gc": random.random(400), "perplexity": np.nan})
    found = describe_clusters(table, number, {"method": "HDBSCAN"})
    assert found["noise"] == (number == -1).sum()
    known, tests = region != "unannotated", []
    for row in found["table"]:
        here = number == row["cluster"]
        assert row["windows"] == here.sum()
        assert row["gc"] == pytest.approx(table["gc"][here].mean())
        assert row["perplexity"] is None
        for count in row["classes"]:
            of_class = region == count["region"]
            four = [[(known & one & other).sum() for other in (here, ~here)] for one in (of_class, ~of_class)]
            assert count["p"] == pytest.approx(fisher_exact(four, alternative="greater").pvalue)
            share = (of_class & here).sum() / (known & here).sum()
            assert count["fold"] == pytest.approx(share / (of_class.sum() / known.sum()))
            half = np.array(four) + 0.5
            assert count["log_odds"] == pytest.approx(np.log(half[0, 0] * half[1, 1] / half[0, 1] / half[1, 0]))
            tests.append(count)
    assert [count["fdr"] for count in tests] == pytest.approx(false_discovery_control([each["p"] for each in tests]))
    enriched = next(each for each in found["table"][1]["classes"] if each["region"] == "CDS")
    assert enriched["fold"] > 1.2
    assert enriched["fdr"] < 0.05


def test_clusters_without_annotation_have_no_classes(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path, regions="unannotated", vectors=lambda regions, noise: blobs_of(noise))
    umap, metrics = analyse(tmp_path, embeddings, sequence)
    assert [row["windows"] for row in metrics["clusters"]["table"]] == [90, 90]
    assert [row["classes"] for row in metrics["clusters"]["table"]] == [[], []]
    assert set(umap["cluster"]) == {0, 1}
    assert {row["region"]["share"] for row in metrics["axes"]} == {None}


def blobs_of(noise):
    return 0.1 * noise + np.arange(len(noise))[:, None] % 2


def test_shares_of_axes_are_those_of_rank_correlation_and_of_kruskal_and_wallis():
    random = np.random.default_rng(3)
    table = pd.DataFrame({"contig": random.choice(["a", "b"], 500), "start": 10 * random.integers(0, 1000, 500)})
    table = table.assign(end=table["start"] + 20, region=random.choice([*CLASSES, "unannotated"], 500))
    table["gc"], table["soft_masked"], table["perplexity"] = random.random(500), 0.0, random.random(500)
    table.loc[3, "gc"] = np.nan
    axis = table["gc"].fillna(0.5).to_numpy() + 0.3 * random.random(500) + 2 * (table["region"] == "CDS").to_numpy()
    components = np.stack([axis, random.normal(size=500)], axis=1)
    found = describe_axes(table, components[:, ::-1], components, np.full(500, 10_010))
    assert [row["axis"] for row in found] == ["pca_1", "pca_2", "umap_1", "umap_2"]
    kept = table["gc"].notna()
    expected = spearmanr(axis[kept], table["gc"][kept]).statistic
    assert found[0]["gc"] == {"share": pytest.approx(expected**2), "correlation": pytest.approx(expected)}
    assert found[0]["soft_masked"] == {"share": None, "correlation": None}
    known = table["region"] != "unannotated"
    groups = [axis[table["region"] == name] for name in CLASSES]
    h, n, k = kruskal(*groups).statistic, known.sum(), len(CLASSES)
    assert found[0]["region"]["share"] == pytest.approx((h - k + 1) / (n - k), abs=1e-9)
    assert found[0]["region"]["share"] > 0.3
    assert found[1]["region"]["share"] < 0.05
    assert found[0]["contig"]["share"] < 0.03
    assert found[3] == found[0] | {"axis": "umap_2"}


def test_an_axis_that_follows_place_and_groups_that_tell_nothing():
    values = np.arange(100.0)
    assert explained_by_groups(values, (np.arange(100) // 10).astype(object)) > 0.98
    assert explained_by_groups(values, np.arange(100).astype(object)) is None
    assert explained_by_groups(values, np.full(100, "one", dtype=object)) is None
    assert explained_by_groups(np.zeros(100), (np.arange(100) // 10).astype(object)) is None


@pytest.mark.parametrize("batch", [128, 7])
def test_neighbours_are_those_of_brute_force_that_share_no_base(batch, monkeypatch):
    monkeypatch.setattr(neighbours, "BATCH", batch)
    random = np.random.default_rng(4)
    components = random.normal(size=(60, 5)).astype(np.float32)
    contigs, starts = np.repeat([0, 1], 30), np.tile(np.arange(30) * STEP, 2)
    numbers, cosines = nearest_windows(components, contigs, starts, starts + WINDOW, seed=1)
    unit = components / np.linalg.norm(components, axis=1, keepdims=True)
    for row in range(60):
        others = [
            (-float(unit[row] @ unit[other]), other)
            for other in range(60)
            if contigs[other] != contigs[row] or abs(starts[other] - starts[row]) >= WINDOW
        ]
        expected = sorted(others)[:10]
        assert numbers[row].tolist() == [other for _, other in expected]
        np.testing.assert_allclose(cosines[row], [-value for value, _ in expected], atol=1e-5)


def test_neighbours_of_few_windows_and_of_a_sample(tmp_path, monkeypatch):
    components, places = np.eye(3, dtype=np.float32), np.array([0, 10, 20])
    numbers, cosines = nearest_windows(components, np.zeros(3), places, places + 15, seed=1)
    assert numbers[:, 0].tolist() == [2, -1, 0]
    assert (numbers[:, 1:] == -1).all()
    assert np.isnan(cosines[1]).all()
    monkeypatch.setattr(neighbours, "MAX_SEARCHED", 20)
    many, contigs = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32), np.arange(50)
    numbers, _ = nearest_windows(many, contigs, np.zeros(50), np.ones(50), seed=1)
    assert len(np.unique(numbers)) <= 20
    assert (numbers >= 0).all()


def test_the_file_of_neighbours_has_places(tmp_path, flat_umap):
    embeddings, sequence = study(tmp_path)
    umap, _ = analyse(tmp_path, embeddings, sequence)
    table = pd.read_parquet(tmp_path / "neighbours.parquet")
    assert len(table) == 10 * len(umap)
    assert table["rank"].tolist() == list(range(1, 11)) * len(umap)
    assert (table.groupby(["contig", "start"], observed=True)["cosine"].diff().dropna() <= 0).all()
    same = table["contig"].astype(str) == table["neighbour_contig"].astype(str)
    assert not (same & (table["neighbour_start"] < table["end"]) & (table["neighbour_end"] > table["start"])).any()
