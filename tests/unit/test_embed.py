"""Embedded windows against slow versions: one window at a time, whole runs, layers cut off by hand; parts and BEDs."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from foreign_models import nucleotide_transformer
from tiny_corpus import random_sequence
from tiny_models import ALL, WINDOW, random_model

from genoglot.embeddings import windows
from genoglot.embeddings.embed import embed_windows
from genoglot.embeddings.gather import gather_embeddings
from genoglot.embeddings.passes import WindowReader
from genoglot.embeddings.windows import (
    find_groups,
    find_runs,
    genome_windows,
    interval_windows,
    part_of,
    window_regions,
)
from genoglot.errors import InputError
from genoglot.genome.region_classes import REGION_CLASSES
from genoglot.genome.store import reverse_complement
from genoglot.model import reading
from genoglot.model.folder import save_model
from genoglot.model.importing import import_model
from genoglot.model.inference import Predictor, untrained
from genoglot.model.language_model import load_language_model

CONTIGS = {"one": random_sequence(400, 1, "ACGTACGTACGTACGTN"), "two": random_sequence(130, 2)}
STEP = WINDOW // 2
HALF = slice(WINDOW // 4, WINDOW - WINDOW // 4)
SETTINGS = {
    "step": STEP, "mode": "packed", "layer": None, "perplexity": True, "compared": 10**6, "batch_size": 3,
    "precision": "float32",
}  # fmt: skip


@pytest.fixture
def model(request, make_genome, tmp_path):
    return random_model(*request.param, make_genome, tmp_path)


def read(model, genome, packed, workers=1):
    """All windows of a genome by a model and its twin: places, runs, vectors of both, log-likelihoods."""
    torch.manual_seed(3)
    reader = WindowReader(Predictor(model, 3, "float32", workers=workers), untrained(model), genome)
    frame = genome_windows(genome, WINDOW, STEP)
    places, runs = (frame["number"].to_numpy(), frame["start"].to_numpy()), find_runs(frame, packed)
    return reader, places, runs, reader.read(*places, runs, np.ones(len(frame), dtype=bool))


@pytest.mark.parametrize("model", ALL, indirect=True)
def test_windows_by_themselves_equal_one_at_a_time(model, make_genome):
    genome = make_genome(CONTIGS)
    reader, places, _, (vectors, other, likelihood) = read(model, genome, packed=False)
    codes = genome.windows(*places, WINDOW)
    np.testing.assert_allclose(vectors, Predictor(model, 1, "float32").embed(codes), atol=1e-5)
    np.testing.assert_allclose(other, Predictor(reader.twin, 1, "float32").embed(codes), atol=1e-5)
    for window, start, found in zip(codes, places[1], likelihood, strict=True):
        inside = np.zeros(WINDOW, dtype=bool)
        inside[HALF] = (window[HALF] < 4) & ((start + np.arange(WINDOW)[HALF]) % reader.turns == 0)
        if inside.any():
            with torch.no_grad():
                values = reading.truth(model, window[None], inside[None])[0]
            assert found == pytest.approx(values.mean().item(), abs=1e-4)
        else:
            assert np.isnan(found)
    assert np.isfinite(likelihood).mean() > 0.5


@pytest.mark.parametrize("model", [("convnet", "single"), ("convnet", "kmer"), ("cloze", "single")], indirect=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_packed_windows_whose_context_reaches_no_further_equal_those_by_themselves(model, make_genome, workers):
    genome = make_genome(CONTIGS | {"tiny": random_sequence(WINDOW, 3)})
    alone, packed = (read(model, genome, each, workers) for each in (False, True))
    assert len(np.unique(packed[2])) < len(packed[2]) / 4
    for one, other in zip(alone[3][:2], packed[3][:2], strict=True):
        np.testing.assert_allclose(other, one, atol=1e-4)
    if model.kind == "cloze":
        np.testing.assert_allclose(packed[3][2], alone[3][2], atol=1e-4)


def test_packed_windows_see_the_whole_run(make_genome, tmp_path):
    model = random_model("convnet", "single", make_genome, tmp_path, layers=6, max_dilation=16)
    genome = make_genome({"one": random_sequence(200, 4)})
    _, (_, starts), _, (vectors, _, _) = read(model, genome, packed=True)
    size = starts[-1] + WINDOW
    codes = genome.windows(np.array([0]), np.array([0]), size)
    with torch.no_grad():
        forward, reverse = (
            model.network.vectors(torch.from_numpy(each.astype(np.int64)))[0].numpy()
            for each in (codes, reverse_complement(codes))
        )
    mean = (forward + reverse[::-1]) / 2
    for start, vector in zip(starts, vectors, strict=True):
        np.testing.assert_allclose(vector, mean[start:][HALF].mean(axis=0), atol=1e-4)
    alone = read(model, genome, packed=False)[3][0]
    assert np.abs(alone - vectors).max() > 1e-3


@pytest.mark.parametrize(
    ("model", "turns"), [(("convnet", "single"), 7), (("decoder", "bpe"), 1), (("cloze", "single"), 1)],
    indirect=["model"],
)  # fmt: skip
def test_no_more_is_hidden_than_in_training_and_codon_positions_are_alike(model, turns, make_genome):
    genome = make_genome(CONTIGS)
    assert WindowReader(Predictor(model, 3, "float32"), model, genome).turns == turns
    if turns > 1:
        assert WindowReader(Predictor(model, 3, "float32", mask_rate=0.17), model, genome).turns == 7
        assert WindowReader(Predictor(model, 3, "float32", mask_rate=0.25), model, genome).turns == 4


def test_runs_end_at_gaps_contigs_and_blocks(make_genome):
    genome = make_genome({"one": "A" * 3000, "two": "C" * 100})
    frame = genome_windows(genome, WINDOW, STEP)
    runs = find_runs(frame, packed=True)
    for number in np.unique(runs):
        rows = frame[runs == number]
        assert rows["contig"].nunique() == 1
        assert rows["end"].max() - rows["start"].min() <= (windows.RUN + 1) * WINDOW // 2
    assert len(np.unique(runs)) == -(-(3000 - WINDOW) // (windows.RUN * STEP)) + 1
    apart = genome_windows(genome, WINDOW, WINDOW)
    # the last window of either contig ends with it, and overlaps the one before
    assert len(np.unique(find_runs(apart, packed=True))) == len(apart) - 2


def test_groups_are_whole_runs_and_parts_share_them_out(monkeypatch):
    monkeypatch.setattr(windows, "GROUP", 10)
    runs = np.repeat(np.arange(30), np.random.default_rng(0).integers(1, 6, 30))
    groups = find_groups(runs)
    assert np.concatenate([np.arange(len(runs))[group] for group in groups]).tolist() == list(range(len(runs)))
    assert sum(len(np.unique(runs[group])) for group in groups) == 30
    for parts in (1, 3, 50):
        shared = [part_of(groups, part, parts) for part in range(1, parts + 1)]
        assert [group for part in shared for group in part] == groups


def trained(folder, genome, architecture="convnet", **shape):
    """A model folder and a BED of regions."""
    model = random_model(architecture, "single", lambda contigs: genome, folder, **shape)
    save_model(model.network, model.encoding, folder / "model", WINDOW)
    (folder / "model/training.json").write_text(json.dumps({"training": {"mask_rate": 0.15}}))
    lines = [f"{name}\t0\t{row.length}\tintergenic" for name, row in genome.contigs.iterrows()]
    (folder / "regions.bed").write_text("\n".join(lines) + "\n")
    return folder / "model"


def embed(folder, model, genome, output="embeddings.parquet", changes=None, **arguments):
    embed_windows(
        model, genome.folder, folder / "regions.bed", folder / output, SETTINGS | (changes or {}), seed=1, threads=1,
        **arguments,
    )  # fmt: skip
    return pq.read_table(folder / output).to_pandas()


@pytest.mark.parametrize("mode", ["exact", "packed"])
def test_parts_together_are_the_whole_to_the_last_bit(make_genome, tmp_path, monkeypatch, mode):
    monkeypatch.setattr(windows, "GROUP", 6)
    genome = make_genome(CONTIGS)
    model = trained(tmp_path, genome)
    changes = {"mode": mode, "compared": 9}
    embed(tmp_path, model, genome, "whole.parquet", changes)
    parts = [tmp_path / f"{part}.parquet" for part in range(1, 9)]
    for part, path in enumerate(parts, start=1):
        embed(tmp_path, model, genome, path.name, changes, part=part, parts=len(parts))
    assert min(pq.read_metadata(path).num_rows for path in parts) == 0
    for name, paths in (("one.parquet", [tmp_path / "whole.parquet"]), ("joined.parquet", parts)):
        gather_embeddings(paths, tmp_path / name)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "joined.parquet").read_bytes()
    assert pq.read_table(tmp_path / "joined.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))


def test_columns_of_a_window(make_genome, tmp_path):
    upper, lower = random_sequence(60, 5), random_sequence(60, 6).lower()
    genome = make_genome({"one": upper + lower + "N" * 80})
    table = embed(tmp_path, trained(tmp_path, genome, "cloze"), genome, changes={"compared": 0})
    text = upper + lower + "N" * 80
    for row in table.itertuples():
        window = text[row.start : row.end]
        bases = [letter for letter in window.upper() if letter != "N"]
        assert row.soft_masked == pytest.approx(sum(letter.islower() for letter in window) / WINDOW)
        if bases:
            assert row.gc == pytest.approx(sum(letter in "GC" for letter in bases) / len(bases))
            assert np.isfinite(row.embedding).all()
        else:
            assert np.isnan(row.gc)
            assert np.isnan(row.embedding).all()
        assert (row.perplexity > 1) == bool(set(window[HALF].upper()) - {"N"})
        assert row.region == "intergenic"
    assert not set(text[table["start"].iloc[-1] :]) - {"N"}
    assert table["untrained"].isna().all()


def test_a_constant_genome_holds_no_surprise_for_one_that_knows_it(make_genome, tmp_path):
    genome = make_genome({"one": "A" * 300})
    model = trained(tmp_path, genome, "cloze")
    network = load_language_model(model).network
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor([3.0, 0, 0, 0]))
    save_model(network, load_language_model(model).encoding, tmp_path / "sure", WINDOW)
    table = embed(tmp_path, tmp_path / "sure", genome)
    # the head of the other strand prefers T
    np.testing.assert_allclose(table["perplexity"], 2 + 2 * np.exp(-1.5), rtol=1e-5)
    assert embed(tmp_path, tmp_path / "sure", genome, changes={"perplexity": False})["perplexity"].isna().all()


def test_the_untrained_network_reads_whole_runs_that_the_seed_draws(make_genome, tmp_path):
    genome = make_genome({"one": random_sequence(6000, 7)})
    model = trained(tmp_path, genome)
    table = embed(tmp_path, model, genome, changes={"compared": 60})
    there = table["untrained"].notna().to_numpy()
    assert 60 <= there.sum() < 60 + windows.RUN
    runs = find_runs(genome_windows(genome, WINDOW, STEP), packed=True)
    assert all(there[runs == run].all() or not there[runs == run].any() for run in np.unique(runs))
    all_of_them = embed(tmp_path, model, genome)
    assert all_of_them["untrained"].notna().all()
    whole, part = (np.stack(each["untrained"][there]) for each in (all_of_them, table))
    np.testing.assert_array_equal(whole, part)
    trained_vectors = np.stack(table["embedding"])
    np.testing.assert_array_equal(trained_vectors, np.stack(all_of_them["embedding"]))
    assert not np.allclose(trained_vectors[there], part)


def test_windows_around_the_intervals_of_a_bed(make_genome, tmp_path):
    genome = make_genome(CONTIGS)
    bed = tmp_path / "peaks.bed"
    bed.write_text("two\t100\t130\tlast\none\t100\t111\none\t0\t4\n")
    model = trained(tmp_path, genome)
    table = embed(tmp_path, model, genome, windows=bed)
    assert table["contig"].tolist() == ["one", "one", "two"]
    assert list(zip(table["interval_start"], table["interval_end"], strict=True)) == [(0, 4), (100, 111), (100, 130)]
    assert list(zip(table["start"], table["end"], strict=True)) == [(0, 26), (81, 129), (91, 130)]
    codes = genome.windows(np.array([0, 0, 1]), np.array([2, 105, 115]) - WINDOW // 2, WINDOW)
    expected = Predictor(load_language_model(model), 4, "float32").embed(codes)
    np.testing.assert_allclose(np.stack(table["embedding"]), expected, atol=2e-2, rtol=2e-3)
    bed.write_text("three\t0\t10\n")
    with pytest.raises(InputError, match=r"peaks.bed, line 1: the genome has no contig 'three'"):
        embed(tmp_path, model, genome, windows=bed)


def test_a_genome_shorter_than_the_windows_of_a_model_is_refused(make_genome, tmp_path):
    genome = make_genome({"one": "ACGT" * 5, "two": "A"})
    with pytest.raises(InputError, match=f"its longest contig has 20 bases, shorter than a window of {WINDOW}"):
        embed(tmp_path, trained(tmp_path, genome), genome)


@pytest.mark.parametrize("step", [1, 7, 31, WINDOW, 3 * WINDOW])
def test_any_step_gives_the_vectors_of_windows_by_themselves(make_genome, tmp_path, step):
    genome = make_genome({"one": random_sequence(300, 9)})
    model = trained(tmp_path, genome)
    packed, alone = (
        embed(tmp_path, model, genome, changes={"step": step, "mode": mode}) for mode in ("packed", "exact")
    )
    assert packed["start"].tolist()[:-1] == list(range(0, 300 - WINDOW, step))[: len(packed) - 1]
    for name in ("embedding", "untrained"):
        np.testing.assert_allclose(np.stack(packed[name]), np.stack(alone[name]), atol=2e-2, rtol=2e-3)


def test_a_fasta_of_sequences_has_a_window_in_the_middle_of_each(make_genome, tmp_path):
    sequences = {f"s{number}": random_sequence(length, number) for number, length in enumerate((10, WINDOW, 200))}
    genome = make_genome(sequences)
    table = embed(tmp_path, trained(tmp_path, genome), genome, windows="contigs")
    assert table["contig"].tolist() == list(sequences)
    assert list(zip(table["start"], table["end"], strict=True)) == [(0, 10), (0, WINDOW), (76, 124)]
    assert np.isfinite(np.stack(table["embedding"])).all()
    assert (table["soft_masked"] == 0).all()


def test_the_class_of_a_window_over_the_end_of_a_contig(make_genome):
    genome = make_genome({"one": "A" * 20, "two": "C" * 100})
    classes = np.repeat([0, 6], [20, 100]).astype(np.uint8)
    frame = interval_windows(genome, WINDOW, None)
    assert window_regions(classes, genome, frame).tolist() == [REGION_CLASSES[0], REGION_CLASSES[6]]


@pytest.mark.parametrize("architecture", ["convnet", "encoder", "decoder", "hyena"])
def test_a_layer_is_what_a_network_without_the_later_ones_puts_out(architecture, make_genome, tmp_path):
    model = random_model(architecture, "single", make_genome, tmp_path, layers=3)
    ids = torch.randint(0, 4, (2, WINDOW))
    with torch.no_grad():
        found = [model.at_layer(layer).vectors(ids, None) for layer in range(4)]
        logits = model.at_layer(1).logits(ids, None)
        torch.testing.assert_close(found[3], model.vectors(ids, None))
        torch.testing.assert_close(logits, model.logits(ids, None))
        blocks = model.network.backbone.blocks
        for layer in (2, 1, 0):
            model.network.backbone.blocks = blocks[:layer]
            torch.testing.assert_close(found[layer], model.network.backbone(ids))


@pytest.mark.parametrize(("architecture", "shape"), [("cloze", {}), ("convnet", {"equivariant": True})])
def test_layers_of_symmetric_networks_are_symmetric(architecture, shape, make_genome, tmp_path):
    model = random_model(architecture, "single", make_genome, tmp_path, layers=3, **shape)
    codes = np.random.default_rng(0).integers(0, 4, (2, WINDOW), dtype=np.uint8)
    ids, mates = (torch.from_numpy(each.astype(np.int64)) for each in (codes, reverse_complement(codes)))
    seen = []
    for layer in range(len(model.network.backbone.fusion) + 3 if architecture == "cloze" else 3):
        with torch.no_grad():
            at = model.at_layer(layer)
            forward, reverse = (at.vectors(each, None).mean(dim=1) for each in (ids, mates))
        assert forward.shape == (2, model.dim)
        torch.testing.assert_close(forward, reverse, atol=1e-4, rtol=1e-4)
        assert not any(torch.allclose(forward, other, atol=1e-3) for other in seen)
        seen.append(forward)


def test_layers_in_an_embedding_and_one_that_is_not_there(make_genome, tmp_path):
    genome = make_genome(CONTIGS)
    model = trained(tmp_path, genome)
    last, named, first = (embed(tmp_path, model, genome, changes={"layer": layer}) for layer in (None, 2, 1))
    np.testing.assert_array_equal(np.stack(last["embedding"]), np.stack(named["embedding"]))
    assert not np.allclose(np.stack(last["embedding"]), np.stack(first["embedding"]), atol=0.1)
    np.testing.assert_array_equal(last["perplexity"], first["perplexity"])
    with pytest.raises(InputError, match=r"embeddings.layer: found 3, but .* convnet has the layers 0 .* to 2"):
        embed(tmp_path, model, genome, changes={"layer": 3})


def test_layers_of_a_model_of_others(make_genome, tmp_path):
    import_model(str(nucleotide_transformer(tmp_path / "theirs")), None, tmp_path / "model", WINDOW)
    genome = make_genome({"one": random_sequence(200, 8)})
    (tmp_path / "regions.bed").write_text("one\t0\t200\tintergenic\n")
    model = load_language_model(tmp_path / "model")
    written = model.write(genome.windows(np.array([0]), np.array([0]), WINDOW))
    ids, present = torch.from_numpy(written.ids), torch.from_numpy(written.present)
    with torch.no_grad():
        states = model.network(ids, attention_mask=present.long(), output_hidden_states=True).hidden_states
        for layer in (0, 1):
            torch.testing.assert_close(model.at_layer(layer).vectors(ids, present), states[layer])
        torch.testing.assert_close(model.at_layer(2).vectors(ids, present), model.vectors(ids, present))
    table = embed(tmp_path, tmp_path / "model", genome, changes={"layer": 1})
    assert np.isfinite(np.stack(table["embedding"])).all()
    assert (table["perplexity"] > 1).all()
    with pytest.raises(InputError, match=r"embeddings.layer: found 9, but EsmForMaskedLM has the layers 0 .* to 2"):
        model.at_layer(9)
