"""Pretraining, its state, and what becomes of it when a run is killed; evaluation against a slow count."""

import json

import numpy as np
import pandas as pd
import pysam
import pytest
from safetensors.numpy import load_file
from tiny_corpus import corpus_settings

from genoglot.corpus.manifest import build_corpus
from genoglot.corpus.markov import fit_markov
from genoglot.corpus.windows import make_windows
from genoglot.embeddings.embed import embed_windows
from genoglot.errors import InputError
from genoglot.genome.store import decode
from genoglot.model import training as engine
from genoglot.model.evaluation import evaluate_model
from genoglot.model.likelihood import standard_error
from genoglot.model.optimisation import learning_rate_factor
from genoglot.tasks.head import finetune_head

ARCHITECTURE = {"type": "cloze", "dim": 16, "layers": 2, "kernel_size": 3, "left_kmer": 3, "flank_kmer": 2}
TRAINING = {
    "max_steps": 12,
    "batch_tokens": 512,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "warmup_steps": 2,
    "mask_rate": 0.15,
    "soft_mask_weight": 0.1,
    "validate_every": 4,
    "patience": 10,
    "validation_windows": 16,
    "checkpoint_every": 4,
    "log_every": 2,
    "precision": "float32",
}
SETTINGS = corpus_settings(window=64, step=32, max_n=0.1)


def repetitive(length: int, seed: int) -> str:
    """Sequence from a few words, so that there is something to learn in a dozen steps."""
    rng = np.random.default_rng(seed)
    words = ["ACGTTGCA", "GGATCC", "TTTTAAAC", "CAGCAG"]
    text = "".join(rng.choice(words, length // 6 + 1))
    return text[:length]


@pytest.fixture
def corpus(make_genome, describe_genome, tmp_path):
    """A corpus of one genome with two contigs, its Markov chains, and its regions: two classes in blocks."""
    contigs = {"one": repetitive(24_000, 1), "two": repetitive(12_000, 2)}
    genome = make_genome(contigs)
    make_windows(genome.folder, tmp_path / "part", "g", SETTINGS, 1)
    genomes = describe_genome(contigs)
    outputs = tmp_path / "windows", tmp_path / "corpus.json"
    sequences = {"g": genome.folder}
    build_corpus([tmp_path / "part"], *outputs, "c", SETTINGS, genomes, sequences, {"g": "g"}, 1)
    fit_markov(tmp_path / "windows", {"g": genome.folder}, tmp_path / "markov.safetensors")
    rows = [
        f"{contig}\t{start}\t{min(start + 640, len(text))}\t{'CDS' if start // 640 % 2 else 'intergenic'}\n"
        for contig, text in contigs.items()
        for start in range(0, len(text), 640)
    ]
    (tmp_path / "regions.bed").write_text("".join(rows))
    pysam.tabix_index(str(tmp_path / "regions.bed"), preset="bed", force=True)
    return genome, tmp_path


def train(corpus, name="model", **changes):
    genome, folder = corpus
    arguments = {"architecture": ARCHITECTURE, "training": TRAINING, "init_from": None, **changes}
    engine.pretrain(
        folder / "windows",
        folder / "corpus.json",
        {"g": genome.folder},
        folder / name,
        folder / "state",
        seed=1,
        threads=1,
        **arguments,
    )
    return folder / name


def test_training_learns_and_writes_a_whole_folder(corpus):
    _, folder = corpus
    model = train(corpus)
    assert {path.name for path in model.iterdir()} == {*engine.MODEL_FILES, "curves.tsv", "training.json"}
    assert not (folder / "state").exists()
    curves = pd.read_csv(model / "curves.tsv", sep="\t")
    assert curves.loc[curves["split"] == "train", "step"].tolist() == [2, 4, 6, 8, 10, 12]
    assert curves.loc[curves["split"] == "validation", "step"].tolist() == [4, 8, 12]
    train_bits = curves.loc[curves["split"] == "train", "bits_per_base"].to_numpy()
    assert train_bits[-1] < train_bits[0] - 0.05
    record = json.loads((model / "training.json").read_text())
    assert record["steps"] == 12
    assert record["tokens_seen"] == 12 * 512


class KilledError(Exception):
    pass


@pytest.mark.parametrize("checkpoint_every", [4, 3])
def test_a_killed_run_ends_with_the_same_weights(corpus, monkeypatch, checkpoint_every):
    settings = {**TRAINING, "checkpoint_every": checkpoint_every}
    undisturbed = load_file(train(corpus, "undisturbed", training=settings) / "model.safetensors")
    real = engine.TrainingBatches.at

    def die(self, step):
        if step == 7:
            raise KilledError
        return real(self, step)

    monkeypatch.setattr(engine.TrainingBatches, "at", die)
    with pytest.raises(KilledError):
        train(corpus, "killed", training=settings)
    monkeypatch.setattr(engine.TrainingBatches, "at", real)
    assert not (corpus[1] / "killed").exists()
    with pytest.raises(InputError, match=r"training.learning_rate was 0.01 and is now 0.02"):
        train(corpus, "killed", training={**settings, "learning_rate": 0.02})
    resumed = train(corpus, "killed", training=settings)
    again = load_file(resumed / "model.safetensors")
    assert all(np.array_equal(undisturbed[name], again[name]) for name in undisturbed)
    curves = pd.read_csv(resumed / "curves.tsv", sep="\t")
    assert curves.loc[curves["split"] == "validation", "step"].tolist() == [4, 8, 12]


def test_init_from_starts_at_the_old_weights(corpus):
    old = train(corpus, "old")
    still = {**TRAINING, "max_steps": 1, "learning_rate": 1e-12}
    new = load_file(train(corpus, "new", training=still, init_from=old) / "model.safetensors")
    before = load_file(old / "model.safetensors")
    assert all(np.allclose(before[name], new[name], atol=1e-6) for name in before)
    with pytest.raises(InputError, match="another architecture"):
        train(corpus, "wide", architecture={**ARCHITECTURE, "dim": 24}, init_from=old)


@pytest.mark.parametrize("architecture", ["cloze", "convnet"])
def test_evaluation_counts_what_the_model_says(corpus, architecture):
    genome, folder = corpus
    model = train(corpus, training={**TRAINING, "max_steps": 4}, architecture={**ARCHITECTURE, "type": architecture})
    settings = {"mask_rate": 0.3, "max_positions": 10**9, "batch_size": 16, "precision": "float32"}
    evaluate_model(
        model,
        folder / "windows",
        {"g": genome.folder},
        {"g": folder / "regions.bed.gz"},
        folder / "markov.safetensors",
        folder / "metrics.json",
        settings,
        1,
        1,
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    parts = metrics["regions"]
    assert {part["region"] for part in parts} == {"CDS", "intergenic"}
    assert sum(part["positions"] for part in parts) == metrics["positions"]
    for key in ("bits_per_base", "markov_bits_per_base", "accuracy"):
        pooled = sum(part.get(key) * part["positions"] for part in parts) / metrics["positions"]
        assert pooled == pytest.approx(metrics[key], abs=1e-6)
    if architecture == "cloze":
        # every base of the windows once, which lie side by side on the held-out contig
        assert metrics["positions"] == 12_000 // 64 * 64
    else:
        assert 0.25 < metrics["positions"] / 12_000 < 0.35


def test_embeddings_of_all_windows(corpus):
    genome, folder = corpus
    model = train(corpus, training={**TRAINING, "max_steps": 2})
    settings = {"step": 64, "batch_size": 32, "precision": "float32"}
    embed_windows(model, genome.folder, folder / "regions.bed.gz", folder / "e.parquet", settings, 1, 1)
    table = pd.read_parquet(folder / "e.parquet")
    assert len(table) == 24_000 // 64 + 12_000 // 64 + 1  # the second contig ends with half a window
    row = table.iloc[5]
    text = decode(genome.contig(row["contig"]))[row["start"] : row["end"]]
    assert row["gc"] == pytest.approx(sum(text.count(base) for base in "GC") / 64)
    assert row["region"] == "intergenic"
    assert table.loc[table["start"] == 640, "region"].unique().tolist() == ["CDS"]
    vectors = np.stack(table["embedding"]).astype(float)
    untrained = np.stack(table["untrained"]).astype(float)
    assert vectors.shape == untrained.shape == (len(table), 16)
    assert np.isfinite(vectors).all()
    assert not np.allclose(vectors, untrained)


def test_head_beside_its_twin(corpus):
    genome, folder = corpus
    model = train(corpus, training={**TRAINING, "max_steps": 2})
    settings = {
        "kind": "region_class",
        "epochs": 1,
        "learning_rate": 1e-3,
        "batch_size": 32,
        "max_per_class": 40,
        "precision": "float32",
    }
    arguments = (model, genome.folder, folder / "regions.bed.gz", folder / "task", "regions", "m", settings)
    finetune_head(*arguments, "g", SETTINGS, 1, 1)
    metrics = json.loads((folder / "task" / "metrics.json").read_text())
    assert metrics["classes"] == ["CDS", "intergenic"]
    assert metrics["n_train"] == 80
    assert metrics["n_test"] == 12_000 // 64 + 1
    predictions = pd.read_parquet(folder / "task" / "predictions.parquet")
    assert set(predictions["contig"]) == {"two"}
    for kind in ("pretrained", "from_scratch", "kmer"):
        right = (predictions["label"] == predictions[f"{kind}_class"]).mean()
        assert metrics[kind]["accuracy"] == pytest.approx(right)
    head = json.loads((folder / "task" / "head.json").read_text())
    assert head["backbone"] == "m"
    (folder / "flat.bed").write_text("one\t0\t24000\tCDS\ntwo\t0\t12000\tCDS\n")
    pysam.tabix_index(str(folder / "flat.bed"), preset="bed", force=True)
    with pytest.raises(InputError, match="fewer than two region classes"):
        finetune_head(
            model, genome.folder, folder / "flat.bed.gz", folder / "t", "regions", "m", settings, "g", SETTINGS, 1, 1
        )


def test_learning_rate_rises_and_falls_to_zero():
    factors = [learning_rate_factor(step, 10, 100) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[9] == factors[10] == 1
    assert factors[55] == pytest.approx(0.5)
    assert factors[100] == 0


def test_standard_error_of_independent_tiles():
    rng = np.random.default_rng(0)
    tile = np.repeat(np.arange(500), 20)
    loss = rng.normal(size=500)[tile] + 3
    # positions of a tile are one observation, so the error is that of 500 of them
    assert standard_error(loss, tile) == pytest.approx(1 / np.sqrt(500), rel=0.1)
