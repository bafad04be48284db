"""Metrics, embeddings and heads of models of every kind, other people's too, on a small corpus."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
import torch
from foreign_models import dnabert2, llama, nucleotide_transformer
from safetensors.torch import load_file
from tiny_corpus import corpus_settings, random_sequence
from tiny_models import random_network
from tiny_tasks import learn_regions
from tiny_tokens import tiny_encoding

from genoglot.corpus.manifest import build_corpus
from genoglot.corpus.markov import MarkovModel, fit_markov
from genoglot.corpus.windows import make_windows, read_windows
from genoglot.embeddings.embed import embed_windows
from genoglot.errors import InputError
from genoglot.model.evaluation import evaluate_model
from genoglot.model.folder import save_model
from genoglot.model.importing import import_model
from genoglot.model.inference import Predictor
from genoglot.model.language_model import load_language_model
from genoglot.model.likelihood import Reading, evaluation_tiles
from genoglot.model.reading import has_tables
from genoglot.tasks.heads import load_head

WINDOW = 48
SETTINGS = corpus_settings(window=WINDOW, step=24, max_n=0.1)
RUN = {"batch_size": 16, "precision": "float32"}
CONTIGS = {"one": random_sequence(3000, 1, "AACGT"), "two": random_sequence(1200, 2, "AACGT")}
OWN = [
    ("cloze", "single"),
    ("convnet", "single"),
    ("encoder", "kmer"),
    ("encoder", "bpe"),
    ("decoder", "single"),
    ("decoder", "blocks"),
]
FOREIGN = {"nucleotide_transformer": nucleotide_transformer, "dnabert2": dnabert2, "llama": llama}
CAUSAL = ("decoder", "llama")


@pytest.fixture
def genome(make_genome):
    return make_genome(CONTIGS)


@pytest.fixture
def corpus(genome, describe_genome, tmp_path) -> Path:
    """Windows, Markov chains and regions: two classes in blocks."""
    make_windows(genome.folder, tmp_path / "part", "g", SETTINGS, 1)
    outputs = tmp_path / "windows", tmp_path / "corpus.json"
    sequences = {"g": genome.folder}
    build_corpus([tmp_path / "part"], *outputs, "c", SETTINGS, describe_genome(CONTIGS), sequences, {"g": "g"}, 1)
    fit_markov(tmp_path / "windows", sequences, tmp_path / "markov.safetensors")
    rows = [
        f"{contig}\t{start}\t{min(start + 96, len(text))}\t{'CDS' if start // 96 % 2 else 'intergenic'}\n"
        for contig, text in CONTIGS.items()
        for start in range(0, len(text), 96)
    ]
    (tmp_path / "regions.bed").write_text("".join(rows))
    pysam.tabix_index(str(tmp_path / "regions.bed"), preset="bed", force=True)
    return tmp_path


@pytest.fixture
def model(request, corpus, make_genome) -> Path:
    """A model folder: of this workflow, with random weights, or of others and imported."""
    if request.param in FOREIGN:
        import_model(str(FOREIGN[request.param](corpus / "source")), None, corpus / "model", WINDOW)
        return corpus / "model"
    encoding = tiny_encoding(request.param[1], make_genome, corpus)
    save_model(random_network(request.param[0], encoding, WINDOW), encoding, corpus / "model", WINDOW)
    record = {"tokens_seen": 9, "seconds": 8.0, "parameters": 7, "steps": 6}
    (corpus / "model" / "training.json").write_text(json.dumps(record))
    return corpus / "model"


@pytest.mark.parametrize("model", [*OWN, *FOREIGN], indirect=True)
def test_metrics_count_what_the_model_says(model, corpus, genome):
    evaluate_model(
        model,
        corpus / "windows",
        {"g": genome.folder},
        {"g": corpus / "regions.bed.gz"},
        corpus / "markov.safetensors",
        corpus / "metrics.json",
        {"mask_rate": 0.3, "max_positions": 10**9, **RUN},
        1,
        1,
    )
    metrics = json.loads((corpus / "metrics.json").read_text())
    loaded = load_language_model(model)
    assert metrics["objective"] == loaded.kind
    assert {part["region"] for part in metrics["regions"]} == {"CDS", "intergenic"}
    assert sum(part["positions"] for part in metrics["regions"]) == metrics["positions"]
    for key in ("bits_per_base", "markov_bits_per_base", "accuracy"):
        pooled = sum(part[key] * part["positions"] for part in metrics["regions"]) / metrics["positions"]
        assert pooled == pytest.approx(metrics[key], abs=1e-6)
    record = json.loads((model / "training.json").read_text())
    assert all(metrics[key] == record[key] for key in ("tokens_seen", "seconds", "parameters", "steps"))
    bits = {family: metrics["markov"][family]["bits_per_base"] for family in ("left", "both")}
    better = "left" if loaded.kind == "causal" else min(bits, key=bits.__getitem__)
    assert (metrics["markov_better"], metrics["markov_bits_per_base"]) == (better, bits[better])
    assert metrics["gain"] == pytest.approx(bits[better] - metrics["bits_per_base"])
    if loaded.kind == "masked":
        assert metrics["masked_share"] == 0.3
    else:
        # every base of the held-out windows once, in its turn
        assert metrics["masked_share"] is None
        assert metrics["positions"] == 1200
    if loaded.kind == "causal":
        # the chain that reads from the left on the very same bases
        chain = MarkovModel.load(corpus / "markov.safetensors").log_probabilities(genome.contig("two"), "left")
        order = metrics["markov"]["left"]["order"]
        loss = -chain[np.arange(1200), genome.contig("two")][order:].mean() / np.log(2)
        assert metrics["markov_bits_per_base"] == pytest.approx(loss, abs=0.01)


def test_tiles_choose_no_base_outside_a_held_out_window(corpus, genome):
    frame = read_windows(corpus / "windows", "validation").iloc[[0]]
    start, end = int(frame["start"].iloc[0]), int(frame["end"].iloc[0])
    for window in (WINDOW, 40, 400):  # as that of the corpus, not a multiple of it, far longer
        tiles = evaluation_tiles(frame, {"g": genome}, window, None, 100, 1)
        tile, offset = np.nonzero(tiles.chosen)
        places = tiles.start[tile] + offset
        assert sorted(places) == list(range(start, end))
        np.testing.assert_array_equal(tiles.codes[tiles.chosen], genome.contig("two")[places])


def test_readings_of_tables():
    tables = np.log(np.array([[0.7, 0.1, 0.1, 0.1], [0.25, 0.5, 0.125, 0.125]]))
    read = Reading.of_tables(tables, np.array([0, 3], dtype=np.uint8))
    assert read.summary() == {"bits_per_base": pytest.approx((-np.log2(0.7) + 3) / 2), "accuracy": 0.5}
    assert read.at(np.array([False, True])).summary()["bits_per_base"] == pytest.approx(3)


@pytest.mark.parametrize("model", [("encoder", "bpe"), ("decoder", "single"), *FOREIGN], indirect=True)
def test_embeddings_are_those_of_the_predictor(model, corpus, genome):
    settings = {"step": 400, "mode": "packed", "layer": None, "perplexity": True, "compared": 10_000, **RUN}
    embed_windows(model, genome.folder, corpus / "regions.bed.gz", corpus / "e.parquet", settings, 77, 1)
    table = pd.read_parquet(corpus / "e.parquet")
    predictor = Predictor.open(model, RUN, 1)
    row = table.iloc[3]
    codes = genome.contig(row["contig"])[row["start"] : row["end"]][None]
    np.testing.assert_allclose(row["embedding"].astype(float), predictor.embed(codes)[0], rtol=2e-3, atol=2e-3)
    vectors, untrained = (np.stack(table[name]).astype(float) for name in ("embedding", "untrained"))
    assert vectors.shape == untrained.shape == (len(table), predictor.dim)
    assert np.isfinite(vectors).all()
    assert np.isfinite(untrained).all()
    assert not np.allclose(vectors, untrained, atol=0.01)


@pytest.mark.parametrize("mode", ["full", "lora", "probe"])
@pytest.mark.parametrize("model", [("convnet", "single"), ("encoder", "bpe"), "dnabert2", "llama"], indirect=True)
def test_a_head_learns_and_loads(model, corpus, genome, mode):
    task = corpus / "task"
    learn_regions(model, genome, corpus / "regions.bed.gz", task, SETTINGS, 20, mode=mode)
    metrics = json.loads((task / "metrics.json").read_text())
    assert metrics["classes"] == ["CDS", "intergenic"]
    assert metrics["n_train"] == 40
    weights = load_file(task / "head.safetensors")
    kept = {name for name in weights if name.startswith("backbone.")}
    assert {"full": bool(kept), "lora": all("lora_" in name for name in kept), "probe": not kept}[mode]
    before = load_language_model(model).network.state_dict()
    if mode == "full":
        assert any(not torch.equal(before[name], weights[f"backbone.{name}"]) for name in before)
    # what was written gives the probabilities that were written, on either strand
    head = load_head(task, model)
    predictions = pd.read_parquet(task / "predictions.parquet")
    codes = np.stack([genome.contig(row.contig)[row.start : row.end] for row in predictions.itertuples()])
    found = head.model.predict(codes, 7, "float32")
    np.testing.assert_allclose(found[:, 0], predictions["pretrained_CDS"], atol=1e-4)
    np.testing.assert_allclose(head.model.predict(3 - codes[:, ::-1], 7, "float32"), found, atol=1e-4)
    # on another backbone a head is of no use
    other = corpus / "other"
    shutil.copytree(model, other)
    with open(other / "model.safetensors", "ab") as handle:
        handle.write(b" ")
    with pytest.raises(InputError, match="was trained on model m"):
        load_head(task, other)


def test_foreign_models_are_read_by_their_tokens(corpus):
    for name, tables in (("nucleotide_transformer", True), ("dnabert2", False), ("llama", True)):
        import_model(str(FOREIGN[name](corpus / name)), None, corpus / f"{name}.model", WINDOW)
        assert has_tables(load_language_model(corpus / f"{name}.model")) == tables
