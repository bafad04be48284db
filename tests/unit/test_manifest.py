"""Corpora: what their manifests say, and which windows caps, weights and leaks leave."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from tiny_corpus import corpus_settings, random_sequence

from genoglot.corpus import manifest as module
from genoglot.corpus.manifest import build_corpus
from genoglot.corpus.species import share_out
from genoglot.corpus.windows import SCHEMA, make_windows, read_windows
from genoglot.errors import InputError

BY_HASH = {"by": "hash", "block": 400, "validation": 0.3, "test": 0.1}


@pytest.fixture
def build(make_genome, tmp_path):
    """Build a corpus from genomes (name -> contig -> sequence); return its manifest and its windows."""

    def run(genomes, settings=None, species=None, seed=1, cut=None, **description):
        settings = {**(settings or corpus_settings()), "genomes": list(genomes)}
        parts, described, sequences = [], {}, {}
        for name, contigs in genomes.items():
            sequences[name] = make_genome(contigs, f"sequence-{name}").folder
            parts.append(tmp_path / f"{name}.parquet")
            make_windows(sequences[name], parts[-1], name, cut or settings, seed)
            described[name] = tmp_path / f"{name}.json"
            entries = [{"name": contig, "length": len(text)} for contig, text in contigs.items()]
            described[name].write_text(json.dumps({"source_sha256": "0", "contigs": entries, **description}))
        paths = tmp_path / "windows.parquet", tmp_path / "corpus.json"
        build_corpus(parts, *paths, "c", settings, described, sequences, species or {}, seed)
        windows = pq.read_table(paths[0]).to_pandas().astype({"genome": str, "contig": str, "split": str})
        return json.loads(paths[1].read_text()), windows

    return run


@pytest.fixture
def contigs():
    return {"one": random_sequence(1000, 1), "two": random_sequence(433, 2), "short": random_sequence(39, 3)}


@pytest.fixture
def no_leaks(monkeypatch):
    def shared_kmers(held_out, training, sequences, kmer):
        assert set(held_out.columns) >= {"genome", "contig", "start", "end"}
        return np.zeros(len(held_out), dtype=np.float32)

    monkeypatch.setattr(module, "shared_kmers", shared_kmers)


@pytest.mark.usefixtures("no_leaks")
def test_manifest_describes_the_windows(build, contigs, tmp_path):
    manifest, windows = build({"g": contigs, "h": {"one": contigs["two"], "two": contigs["one"]}})
    for genome in "gh":
        for split in ("train", "validation", "test"):
            rows = windows[(windows["genome"] == genome) & (windows["split"] == split)]
            assert manifest["windows"][genome][split] == len(rows)
    assert manifest["windows"]["g"] == {"train": 65, "validation": 10, "test": 0}
    assert manifest["contigs"]["g"] == {"train": ["one", "short"], "validation": ["two"], "test": []}
    assert manifest["bases"]["g"] == {"train": 1039 / 1472, "validation": 433 / 1472, "test": 0}
    assert manifest["filters"]["g"]["candidates"] == 75
    assert manifest["filters"]["g"]["short_contigs"] == 1
    assert manifest["species"] == {
        "g": {"genomes": ["g"], "before": 65, "after": 65},
        "h": {"genomes": ["h"], "before": 28, "after": 28},
    }
    assert manifest["weights"] == {"g": 1.0, "h": 1.0}
    assert pq.read_schema(tmp_path / "windows.parquet").equals(SCHEMA)
    assert len(read_windows(tmp_path / "windows.parquet", "train")) == 65 + 28


@pytest.mark.usefixtures("no_leaks")
def test_a_split_by_hash_has_shares_for_contigs(build, contigs):
    contigs = {"one": contigs["one"] * 20}
    manifest, windows = build({"g": contigs}, corpus_settings(split=BY_HASH))
    assert manifest["contigs"] is None
    shares = manifest["bases"]["g"]
    assert sum(shares.values()) == pytest.approx(1)
    assert 0.15 < shares["validation"] < 0.45
    assert {"train", "validation"} <= set(windows["split"])
    assert manifest["filters"]["g"]["split_border"] > 0
    with pytest.raises(InputError, match=r"no window is left for validation; make split\.block shorter"):
        build({"g": contigs}, corpus_settings(split={**BY_HASH, "validation": 0}))


@pytest.mark.usefixtures("no_leaks")
def test_fingerprint_changes_with_windows_weights_and_bases_alone(build, contigs):
    genomes = {"g": contigs, "h": contigs}
    first = build(genomes)[0]["fingerprint"]
    assert build(genomes)[0]["fingerprint"] == first
    # settings that change no window of this corpus
    leakage = {"leakage": {"kmer": 15, "max_shared": 0.9}}
    assert build(genomes, corpus_settings(**leakage, max_windows_per_species=1000))[0]["fingerprint"] == first
    changes = [
        build(genomes, corpus_settings(step=16)),
        build(genomes, corpus_settings(weights={"h": 2.0})),
        build(genomes, corpus_settings(validation=["one"])),
        build(genomes, corpus_settings(max_windows_per_species=20)),
        build({"h": contigs, "g": contigs}),
        build(genomes, sequence_sha256="1"),
        build(genomes, source_sha256="3"),
        build({"g": contigs, "h": {**contigs, "more": "ACGT"}}),
    ]
    assert len({first, *(manifest["fingerprint"] for manifest, _ in changes)}) == 1 + len(changes)
    # what the sequence is says more than which file it came from
    same = build(genomes, sequence_sha256="1", source_sha256="2")[0]["fingerprint"]
    assert same == changes[5][0]["fingerprint"]


@pytest.mark.usefixtures("no_leaks")
def test_weights_are_those_of_training_windows(build, contigs):
    manifest, windows = build({"g": contigs, "h": contigs}, corpus_settings(weights={"h": 0.25}))
    training = windows["split"] == "train"
    assert manifest["weights"] == {"g": 1.0, "h": 0.25}
    assert (windows["weight"] == np.where(training & (windows["genome"] == "h"), 0.25, 1)).all()


def taken(windows: pd.DataFrame, genome: str) -> set[tuple[str, int]]:
    rows = windows[(windows["genome"] == genome) & (windows["split"] == "train")]
    return set(zip(rows["contig"], rows["start"], strict=True))


@pytest.mark.usefixtures("no_leaks")
def test_a_species_gives_no_more_than_its_quota(build):
    genomes = {
        "a": {"one": random_sequence(1000, 1), "two": random_sequence(100, 2)},
        "b": {"one": random_sequence(2000, 3), "two": random_sequence(100, 4)},
        "c": {"one": random_sequence(700, 5), "two": random_sequence(100, 6)},
    }
    settings = corpus_settings(max_windows_per_species=50)
    species = {"a": "x", "b": "x", "c": ""}
    everything = build(genomes)[1]
    manifest, windows = build(genomes, settings, species)
    sizes = {name: len(taken(everything, name)) for name in genomes}
    assert manifest["species"] == {
        "x": {"genomes": ["a", "b"], "before": sizes["a"] + sizes["b"], "after": 50},
        "c": {"genomes": ["c"], "before": sizes["c"], "after": sizes["c"]},
    }
    found = {name: len(taken(windows, name)) for name in genomes}
    assert found["a"] + found["b"] == 50
    assert abs(found["a"] - 50 * sizes["a"] / (sizes["a"] + sizes["b"])) < 1
    assert taken(windows, "a") < taken(everything, "a")
    assert manifest["windows"]["a"]["train"] == found["a"]
    # held-out windows are all there
    held_out = [table[table["split"] != "train"].reset_index(drop=True) for table in (windows, everything)]
    pd.testing.assert_frame_equal(*held_out)
    # another genome of the species takes windows from the others and gives them none
    more = build(genomes, settings, {**species, "c": "x"})[1]
    assert taken(more, "a") < taken(windows, "a")
    assert taken(more, "b") < taken(windows, "b")
    # alone, the genome keeps its first choice
    alone = build({"a": genomes["a"]}, settings, species)[1]
    assert taken(windows, "a") < taken(alone, "a")
    assert taken(build(genomes, settings, species, seed=2)[1], "a") != taken(windows, "a")


def test_quotas_add_up_and_are_in_proportion():
    rng = np.random.default_rng(1)
    for _ in range(200):
        sizes = rng.integers(0, 50, int(rng.integers(1, 6))).tolist()
        if not sum(sizes):
            continue
        total = int(rng.integers(0, sum(sizes) + 1))
        quotas = share_out(sizes, total)
        assert sum(quotas) == total
        assert all(abs(quota - size * total / sum(sizes)) < 1 for quota, size in zip(quotas, sizes, strict=True))
        assert all(quota <= size for quota, size in zip(quotas, sizes, strict=True))


def leaky(held_out, training, sequences, kmer):
    """Shares from the starts of windows: 0, 0.5 and 1 in turn, and nothing known of the fourth."""
    shares = np.array([0.0, 0.5, 1.0, np.nan], dtype=np.float32)
    return shares[(held_out["start"].to_numpy() // 40) % 4]


def test_leaked_windows_are_counted_and_dropped_on_demand(build, contigs, monkeypatch):
    monkeypatch.setattr(module, "shared_kmers", leaky)
    kept = build({"g": contigs})
    manifest, windows = build({"g": contigs}, corpus_settings(leakage={"drop": True}))
    # ten windows of contig two: 0, .5, 1, NaN, 0, .5, 1, NaN, 0, .5
    found = {"windows": 10, "shared": 0.5, "mean": pytest.approx(3.5 / 8), "dropped": 0}
    assert kept[0]["leakage"] == {"kmer": 21, "max_shared": 0.5, "drop": False, "genomes": {"g": {"validation": found}}}
    assert manifest["leakage"]["genomes"]["g"]["validation"] == {**found, "dropped": 5}
    left = kept[1][(kept[1]["split"] == "train") | (kept[1]["start"] // 40 % 4 % 3 == 0)]
    pd.testing.assert_frame_equal(windows, left.reset_index(drop=True))
    assert manifest["windows"]["g"]["validation"] == 5
    assert manifest["fingerprint"] != kept[0]["fingerprint"]


def test_nothing_left_after_leaks_is_said(build, contigs, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "shared_kmers", lambda held_out, *_: np.ones(len(held_out), dtype=np.float32))
    with pytest.raises(InputError, match=r"corpus c: every validation window shares at least 50% .* leakage\.drop"):
        build({"g": contigs}, corpus_settings(leakage={"drop": True}))
    assert not (tmp_path / "windows.parquet").exists()
    assert build({"g": contigs})[0]["leakage"]["genomes"]["g"]["validation"]["shared"] == 1


def test_windows_without_kmers_have_no_mean(build, contigs, monkeypatch):
    monkeypatch.setattr(module, "shared_kmers", lambda held_out, *_: np.full(len(held_out), np.nan, dtype=np.float32))
    found = build({"g": contigs}, corpus_settings(leakage={"drop": True}))[0]["leakage"]["genomes"]["g"]["validation"]
    assert found == {"windows": 10, "shared": 0, "mean": None, "dropped": 0}


def test_a_strain_of_the_same_sequence_leaks(build):
    """Two strains, one contig held out of one of them alone: all of it is in training, and it is said."""
    one, two = random_sequence(3000, 1), random_sequence(3000, 2)
    strains = {"g": {"one": one, "two": two}, "h": {"one": one, "two": two}}
    settings = corpus_settings(validation=["g:two"], leakage={"kmer": 15})
    found = build(strains, settings)[0]["leakage"]["genomes"]
    assert found["g"]["validation"]["shared"] > 0.95
    assert found["h"] == {}
    both = build(strains, corpus_settings(leakage={"kmer": 15}))[0]["leakage"]["genomes"]
    assert both["g"]["validation"] == both["h"]["validation"]
    assert both["g"]["validation"]["shared"] == 0


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"validation": ["Two"]}, ["validation contig 'Two'", "did you mean", "two"]),
        ({"validation": []}, ["no window is left for validation"]),
        ({"validation": ["one", "two", "short"]}, ["no window is left for train"]),
        ({"test": ["two"]}, ["two cannot be both"]),
    ],
)
def test_splits_that_leave_nothing(build, contigs, change, words, tmp_path):
    with pytest.raises(InputError) as error:
        build({"g": contigs}, corpus_settings(**change))
    assert all(word in str(error.value) for word in words)
    assert not (tmp_path / "corpus.json").exists()
