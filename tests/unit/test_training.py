"""Pretraining: every kind of network and token learns, and what is trained, kept and written is what was asked for."""

import json
import math

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_tokens import tiny_encoding
from tiny_training import ARCHITECTURES, STEP, architecture, curves, same, weights

from genoglot.errors import InputError
from genoglot.model.build import build
from genoglot.model.folder import MODEL_FILES
from genoglot.model.language_model import load_language_model
from genoglot.tokens.encoding import SingleBase
from genoglot.tokens.files import save_tokenizer
from genoglot.training import callbacks, run
from genoglot.training.curves import COLUMNS, REGION_COLUMNS
from genoglot.training.optimisation import decayed_parameters, learning_rate_factor, scaled_learning_rate


@pytest.fixture
def tokenizer(training_corpus, make_genome):
    """Write the folder of a tokenizer of a kind; None for single bases."""

    def write(kind: str):
        if kind == "single":
            return None
        folder = training_corpus.folder / f"tokenizer-{kind}"
        save_tokenizer(tiny_encoding(kind, make_genome, training_corpus.folder), folder, 64)
        return folder

    return write


def test_training_learns_and_writes_a_whole_folder(training_corpus):
    model = training_corpus.train()
    assert {path.name for path in model.iterdir()} == {*MODEL_FILES, "curves.tsv", "training.json", "tensorboard"}
    assert not (training_corpus.folder / "model.state").exists()
    training, validation = curves(model), curves(model, "validation")
    assert list(training.columns) == [name for name in COLUMNS if name != "seconds"]
    assert training["step"].tolist() == [2, 4, 6, 8, 10, 12]
    assert validation["step"].tolist() == [4, 8, 12]
    assert training["tokens"].tolist() == [step * STEP for step in training["step"]]
    assert training["bits_per_base"].iloc[-1] < training["bits_per_base"].iloc[0] - 0.2
    record = json.loads((model / "training.json").read_text())
    assert (record["steps"], record["tokens_seen"]) == (12, 12 * STEP)
    assert record["best_validation_bits"] == validation["bits_per_base"].min()
    assert record["flops"] == pytest.approx(record["flops_per_token"] * 12 * STEP)
    assert 0 <= record["data_wait_share"] < 1
    assert record["objective"] == "cloze"


def test_event_files_hold_the_curves(training_corpus):
    model = training_corpus.train()
    events = EventAccumulator(str(model / "tensorboard")).Reload()
    for split in ("train", "validation"):
        rows = curves(model, split)
        read = events.Scalars(f"bits_per_base/{split}")
        assert [event.step for event in read] == rows["step"].tolist()
        assert [event.value for event in read] == pytest.approx(rows["bits_per_base"].tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "tokens", "changes"),
    [
        *((kind, "single", {}) for kind in ARCHITECTURES),
        ("hyena", "single", {"causal": True}),
        ("convnet", "single", {"equivariant": True}),
        *((kind, tokens, {}) for kind in ARCHITECTURES if kind != "cloze" for tokens in ("kmer", "blocks", "bpe")),
    ],
)
def test_every_network_learns_from_every_kind_of_token(training_corpus, tokenizer, kind, tokens, changes):
    shape = architecture(kind, tokens == "single", **changes)
    model = training_corpus.train(
        architecture=shape, tokenizer=tokenizer(tokens), training={"validate_every": 6, "ema": 0.3}
    )
    held_out = curves(model, "validation")["bits_per_base"]
    assert held_out.iloc[-1] < held_out.iloc[0]
    # four bases, of which the least frequent are as likely as the others in the beginning
    assert held_out.iloc[-1] < 2
    loaded = load_language_model(model)
    assert loaded.window == 64
    assert (
        sum(parameter.numel() for parameter in loaded.network.parameters())
        == (json.loads((model / "training.json").read_text())["parameters"])
    )


@pytest.mark.parametrize(("lm_weight", "tokens"), [(1.0, "single"), (0.0, "single"), (1.0, "bpe")])
def test_region_classes_are_learnt(training_corpus, tokenizer, lm_weight, tokens):
    settings = {"region_weight": 0.5, "lm_weight": lm_weight, "max_tokens": 40 * STEP, "validate_every": 10}
    inputs = {
        "architecture": architecture("convnet", tokens == "single"),
        "tokenizer": tokenizer(tokens),
        "regions": {"g": training_corpus.folder / "regions.bed.gz"},
    }
    model = training_corpus.train(training=settings, **inputs)
    held_out = curves(model, "validation")
    assert list(held_out.columns[-2:]) == REGION_COLUMNS
    assert held_out["region_accuracy"].iloc[-1] > 0.8
    record = json.loads((model / "training.json").read_text())
    assert record["objective"] == ("masked+regions" if lm_weight else "regions")
    loss = lm_weight * held_out["bits_per_base"] + 0.5 * held_out["region_bits"]
    assert record["best_step"] == held_out["step"][loss.idxmin()]
    if not lm_weight:
        assert curves(model)["bits_per_base"].isna().all()
        # the head that predicts bases was not asked for anything
        start = training_corpus.train("start", training={**settings, "max_tokens": STEP}, **inputs)
        assert not np.array_equal(weights(model)["region_head.weight"], weights(start)["region_head.weight"])
        assert np.array_equal(weights(model)["head.weight"], weights(start)["head.weight"])


def test_regions_need_an_annotation(training_corpus):
    with pytest.raises(InputError, match="no region classes to learn"):
        training_corpus.train(training={"region_weight": 1.0}, regions={})


def test_training_stops_without_improvement(training_corpus):
    model = training_corpus.train(training={"learning_rate": 0.0, "patience": 2, "validate_every": 1})
    record = json.loads((model / "training.json").read_text())
    # the first is the best, and two others were not better
    assert (record["steps"], record["best_step"]) == (3, 1)
    assert record["tokens_seen"] == 3 * STEP


def test_the_last_step_is_validated(training_corpus):
    model = training_corpus.train(training={"validate_every": 5})
    assert curves(model, "validation")["step"].tolist() == [5, 10, 12]


def test_divergence_is_said_in_words(training_corpus):
    with pytest.raises(InputError, match=r"lower training\.learning_rate"):
        training_corpus.train(training={"learning_rate": 1e38, "clip": 0, "validate_every": 12})


def test_init_from_starts_at_the_old_weights(training_corpus, tokenizer):
    still = {"max_tokens": STEP, "learning_rate": 1e-12}
    old = training_corpus.train("old", "encoder")
    before, after = weights(old), weights(training_corpus.train("new", "encoder", training=still, init_from=old))
    assert all(np.allclose(before[name], after[name], atol=1e-6) for name in before)
    regions = {"regions": {"g": training_corpus.folder / "regions.bed.gz"}}
    labelled = {**still, "region_weight": 1.0}
    after = weights(training_corpus.train("head", "encoder", training=labelled, init_from=old, **regions))
    assert after.keys() - before.keys() == {"region_head.weight", "region_head.bias"}
    assert all(np.allclose(before[name], after[name], atol=1e-6) for name in before)
    for other, changes in {
        "dim was 16 and is now 24": {"architecture": architecture("encoder", dim=24)},
        # whose weights have the same names and shapes
        "architecture was 'encoder' and is now 'decoder'": {"architecture": architecture("decoder")},
        "reads other tokens": {"architecture": architecture("encoder", single=False), "tokenizer": tokenizer("kmer")},
    }.items():
        with pytest.raises(InputError, match=other):
            training_corpus.train("other", init_from=old, **changes)


def test_averaged_weights_are_kept(training_corpus, monkeypatch):
    seen = []
    real = callbacks.StateSaver.on_train_batch_end

    def note(self, trainer, module, outputs, batch, index):
        seen.append({name: value.clone() for name, value in module.network.state_dict().items()})
        real(self, trainer, module, outputs, batch, index)

    monkeypatch.setattr(callbacks.StateSaver, "on_train_batch_end", note)
    model = training_corpus.train(training={"ema": 0.6, "max_tokens": 5 * STEP, "validate_every": 5})
    expected = seen[0]
    for later in seen[1:]:
        expected = {name: 0.6 * expected[name] + 0.4 * later[name] for name in expected}
    kept = weights(model)
    assert all(np.allclose(kept[name], expected[name], atol=1e-6) for name in expected)


def test_batches_made_by_other_processes_are_the_same(training_corpus, monkeypatch):
    settings = {"kind": "convnet", "hardware": {"accumulate": 2}}
    one = training_corpus.train("one", **settings)
    monkeypatch.setattr(run, "workers_for", lambda threads: 2)
    two = training_corpus.train("two", **settings)
    assert same(weights(one), weights(two))
    assert curves(one).equals(curves(two))


def test_compilation_changes_no_name(training_corpus, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda call, *_, **__: compiled.append(call) or call)
    model = training_corpus.train("compiled", hardware={"compile": True}, training={"max_tokens": STEP})
    assert len(compiled) == 1
    assert weights(model).keys() == build(architecture("cloze"), SingleBase(), 64).state_dict().keys()


def test_lengths_and_numbers_are_those_asked_for(training_corpus):
    settings = {"length_warmup": {"window": 16, "tokens": 6 * STEP}, "precision": "bfloat16", "schedule": "cosine"}
    model = training_corpus.train(kind="convnet", training={**settings, "dropout": 0.1})
    record = json.loads((model / "training.json").read_text())
    assert (record["precision"], record["steps"]) == ("bfloat16", 12)
    # the scheduler has moved on when a row is written
    expected = [scaled_learning_rate(0.06, STEP) * learning_rate_factor(step, 2, 12, "cosine") for step in (2, 6, 12)]
    rates = curves(model).set_index("step")["learning_rate"]
    assert [rates[step] for step in (2, 6, 12)] == pytest.approx(expected, rel=1e-3)


def test_learning_rate_rises_and_falls_to_zero():
    for schedule, middle in {"linear": 0.5, "cosine": 0.5}.items():
        factors = [learning_rate_factor(step, 10, 100, schedule) for step in range(101)]
        assert factors[0] == pytest.approx(0.1)
        assert max(factors) == factors[9] == factors[10] == 1
        assert factors[55] == pytest.approx(middle)
        assert factors[100] == pytest.approx(0, abs=1e-12)
    assert learning_rate_factor(32, 10, 100, "cosine") == pytest.approx((1 + math.cos(math.pi * 22 / 90)) / 2)


def test_learning_rate_is_that_of_the_batch():
    assert scaled_learning_rate(0.002, 16384) == 0.002
    assert scaled_learning_rate(0.002, 4 * 16384) == pytest.approx(0.004)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_weight_decay_is_for_matrices_and_kernels(kind):
    network = build(architecture(kind), SingleBase(), 64, regions=2)
    decayed = decayed_parameters(network)
    for name, parameter in network.named_parameters():
        exempt = parameter.dim() == 1 or any(word in name for word in ("embedding", "ngrams", "bias", "norm"))
        assert (name in decayed) != exempt, name
