"""What training is said to cost, beside counts by hand and the memory that it takes."""

import json
import math

import pytest
import torch
from tiny_training import WINDOW, architecture

from genoglot.errors import InputError
from genoglot.model.build import network_config
from genoglot.tokens.encoding import Kmers, SingleBase
from genoglot.training import memory
from genoglot.training.estimate import LiveBytes, Part, estimate

PART = Part(rows=4, length=64, targets=48)
TOKENS = PART.rows * PART.length


def cost(kind: str, single: bool = True, part: Part = PART, parts: int = 1, **changes):
    encoding = SingleBase() if single else Kmers(3)
    options = {name: changes.pop(name) for name in ("checkpointing", "averages") if name in changes}
    config = network_config(architecture(kind, single, ngram=0, **changes), encoding, WINDOW)
    return estimate(config, part, parts, "float32", **options)


def test_operations_are_those_of_the_matrices():
    # a convolution of 3 taps and two matrices in each of two layers, and the head at the chosen positions
    dim = 16
    layer = TOKENS * dim * dim * (3 + 2)
    head = 4 * math.ceil(PART.targets / PART.rows) * dim * 4
    # forward, and twice that backward; a multiplication and an addition each
    assert cost("convnet").flops == 2 * 3 * (2 * layer + head)


def test_operations_of_attention():
    dim = 16
    projections = TOKENS * dim * dim * (3 + 1 + 2 * 2 + 2)
    # the products with the keys and of the values; backward five such, since the first is made again
    attention = TOKENS * PART.length * dim
    head = 4 * math.ceil(PART.targets / PART.rows) * dim * 4
    expected = 2 * (3 * (2 * projections + head) + 2 * (2 + 5) * attention)
    assert cost("encoder").flops == expected


def test_operations_of_long_convolutions_grow_as_those_of_fourier_transforms():
    lengths = (1024, 2048)
    flops = [cost("hyena", part=Part(1, length, 0), causal=True).flops / length for length in lengths]
    # all else is the same for each token
    dim, layers = 16, 2
    of_one = [2 * 2.5 * math.log2(2 * length) * dim * layers for length in lengths]
    # transforms of the sequence, of the filter and back; the gradient of the last is one more, and those of the first
    # two are complex
    assert flops[1] - flops[0] == pytest.approx((3 + 1 + 2 * 2) * (of_one[1] - of_one[0]), rel=0.01)


def test_states_are_counted_and_recomputation_is_not():
    plain, averaged = cost("encoder"), cost("encoder", averages=True)
    assert plain.states == 16 * plain.parameters
    assert averaged.states == 20 * plain.parameters
    kept, recomputed = (cost("encoder", layers=8, checkpointing=flag) for flag in (False, True))
    assert recomputed.flops == kept.flops
    assert recomputed.activations < kept.activations / 2
    # gradients of earlier parts are in the way of later ones
    assert cost("encoder", parts=2).memory >= plain.memory


def test_live_bytes_are_those_of_the_tensors_that_live():
    live = LiveBytes()
    with live:
        one = torch.zeros(1000)
        view = one[10:]
        two = torch.ones(500, dtype=torch.float64)
        assert live.live == 8000
        del one
        assert live.live == 8000
        del view
        assert live.live == 4000
        three = two + 1
        assert live.live == live.peak == 8000
        del two, three
    assert (live.live, live.peak) == (0, 8000)


@pytest.mark.parametrize(("kind", "lean"), [("convnet", False), ("encoder", True)])
def test_memory_is_what_training_takes(training_corpus, kind, lean):
    """In a process of its own, since the most that a process had is never forgotten."""
    settings = {
        "architecture": architecture(kind, dim=64, layers=4),
        "training": {"batch_tokens": 32768, "max_tokens": 2 * 32768, "validate_every": 2},
        # enough for what is needed, not for what would be kept for speed
        "memory_mb": 1500 if lean else None,
    }
    record = training_corpus.folder / "memory.json"
    process = training_corpus.start("big", env={"TINY_MEMORY": str(record)}, **settings)
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said
    assert ("memory is short" in said) == lean
    measured = json.loads(record.read_text())
    estimated = measured["lean" if lean else "kept"]
    assert estimated > 150e6
    assert 1 / 1.5 < measured["most"] / estimated < 1.5


def test_what_cannot_fit_is_refused_with_what_would(training_corpus, monkeypatch):
    base = 500
    monkeypatch.setattr("genoglot.training.budget.resident_memory", lambda: base * 10**6)
    settings = {"architecture": architecture("encoder", dim=32, layers=4), "training": {"batch_tokens": 32768}}
    with pytest.raises(InputError) as refusal:
        training_corpus.train("big", **settings, memory_mb=base + 100)
    said = str(refusal.value)
    assert "600 MB given to the job as mem_mb" in said
    config = network_config(settings["architecture"], SingleBase(), WINDOW)
    rows = 32768 // WINDOW
    fits = [
        times
        for times in (1, 2, 4, 8, 16)
        if estimate(config, Part(rows // times, WINDOW, 0), times, "float32").memory < 100e6
    ]
    assert f"hardware.accumulate: {fits[0]} (about" in said
    assert "hardware.activation_checkpointing: true" in said
    with pytest.raises(InputError, match="No way to divide a step makes it fit"):
        training_corpus.train("never", **settings, memory_mb=base)


def test_a_control_group_limits_memory(monkeypatch, tmp_path):
    (tmp_path / "cgroup").write_text("0::/jobs/mine\n")
    folder = tmp_path / "groups/jobs/mine"
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text("max\n")
    (folder.parent / "memory.max").write_text("123000000\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "OWN_CGROUP", tmp_path / "cgroup")
    assert memory.available_memory(None) == (123_000_000, "allowed by the control group of this process")
    assert memory.available_memory(100) == (100_000_000, "given to the job as mem_mb")


def test_parts_are_smaller_in_rows():
    assert Part(8, 64, 77).divided(4) == Part(2, 64, 19)
