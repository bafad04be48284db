"""Attention maps against the outputs of the layers themselves, and their turn with the strand."""

import numpy as np
import pytest
import torch
from foreign_models import MAKERS
from tiny_corpus import random_sequence
from tiny_models import MATES, WINDOW, random_codes, random_model, spell

from genoglot.interpretation.attention import attention_maps, block_attention, token_attention, why_no_attention
from genoglot.interpretation.loci import Locus
from genoglot.model.importing import import_model
from genoglot.model.inference import Predictor
from genoglot.model.language_model import load_language_model
from genoglot.network.attention_genoglot import AttentionBlock

SEQUENCE = random_sequence(120, 5)
KINDS = [("encoder", "single"), ("encoder", "kmer"), ("encoder", "bpe"), ("decoder", "single"), ("decoder", "blocks")]


@pytest.fixture
def model(request, make_genome, tmp_path):
    return random_model(*request.param, make_genome, tmp_path)


@pytest.mark.parametrize("model", KINDS, indirect=True, ids="-".join)
def test_the_weights_of_a_block_are_those_that_its_output_comes_from(model):
    """Values weighted by them are what the block passes on to its output projection."""
    seen = []

    def compare(block, inputs):
        x, present, cosine, sine = inputs
        weights = block_attention(block, x, present, cosine, sine)
        batch, length, dim = x.shape
        value = block.in_projection(block.norm(x))[..., 2 * dim :].view(batch, length, block.heads, -1)
        seen.append(torch.einsum("bhij,bjhf->bihf", weights, value).reshape(batch, length, dim))

    passed = []
    for block in (module for module in model.network.modules() if isinstance(module, AttentionBlock)):
        block.register_forward_pre_hook(compare)
        block.out_projection.register_forward_pre_hook(lambda _, inputs: passed.append(inputs[0]))
    with torch.no_grad():
        model.logits(torch.from_numpy(model.write(random_codes(1, 3)).ids), None)
    assert len(seen) == len(passed) == 2
    for one, other in zip(seen, passed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", KINDS, indirect=True, ids="-".join)
def test_a_map_spreads_the_attention_of_tokens_over_their_bases(model, make_genome):
    genome = make_genome({"one": SEQUENCE})
    locus = Locus("one", 50, 58)
    found = attention_maps(Predictor(model, 4, "float32"), genome, locus)
    assert found.shape == (2, 8, 8)

    def plain(codes: np.ndarray, place: int) -> np.ndarray:
        with torch.no_grad():
            weights = token_attention(model, model.write(codes[None]))
        spans = [set(range(start, end)) for start, end, _ in spell(model, codes)]
        values = np.zeros((2, 8, 8))
        for i in range(8):
            for j in range(8):
                own = [s for s, span in enumerate(spans) if place + i in span]
                others = [t for t, span in enumerate(spans) if place + j in span]
                values[:, i, j] = sum(weights[:, s, t] / len(spans[t]) for s in own for t in others) / len(own)
        return values

    place = (WINDOW - 8) // 2
    codes = genome.windows(np.array([0]), np.array([50 - place]), WINDOW)[0]
    expected = plain(codes, place)
    if model.kind != "causal":
        turned = np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[::-1]]
        expected = (expected + plain(turned, WINDOW - 8 - place)[:, ::-1, ::-1]) / 2
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("model", KINDS[:4], indirect=True, ids="-".join)
def test_what_a_base_looks_at_sums_to_one(model, make_genome):
    found = attention_maps(
        Predictor(model, 4, "float32"), make_genome({"one": SEQUENCE}), Locus("one", 40, 40 + WINDOW)
    )
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-4)
    if model.kind == "causal":
        assert (np.triu(found, 1) == 0).all()


@pytest.mark.parametrize("model", [("encoder", "single"), ("encoder", "kmer")], indirect=True, ids="-".join)
def test_a_map_turns_with_the_sequence(model, make_genome):
    predictor = Predictor(model, 4, "float32")
    there = attention_maps(predictor, make_genome({"one": SEQUENCE}, "there"), Locus("one", 40, 52))
    back = make_genome({"one": SEQUENCE[::-1].translate(MATES)}, "back")
    other = attention_maps(predictor, back, Locus("one", 120 - 52, 120 - 40))
    np.testing.assert_allclose(other[:, ::-1, ::-1], there, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "length", "words"),
    [
        (("cloze", "single"), 8, "the network has no attention"),
        (("convnet", "single"), 8, "the network has no attention"),
        (("encoder", "single"), WINDOW + 1, "reads windows of 48"),
        (("encoder", "single"), 61, "map_length is 60"),
        (("encoder", "bpe"), WINDOW, None),
    ],
)
def test_what_has_no_attention_is_said(kind, length, words, make_genome, tmp_path):
    found = why_no_attention(random_model(*kind, make_genome, tmp_path), length, 60)
    assert found is None if words is None else words in found


@pytest.mark.parametrize("model", [("hybrid", "single"), ("hybrid", "kmer")], indirect=True, ids="-".join)
def test_pools_share_the_attention_of_a_hybrid(model, make_genome):
    """Bases of one pool of four look the same way, and are looked at alike."""
    found = attention_maps(
        Predictor(model, 4, "float32"), make_genome({"one": SEQUENCE}), Locus("one", 40, 40 + WINDOW)
    )
    assert found.shape == (2, WINDOW, WINDOW)
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-4)
    if model.encoding.k == 1:
        pools = found.reshape(2, WINDOW // 4, 4, WINDOW // 4, 4)
        np.testing.assert_allclose(pools, np.broadcast_to(pools[:, :, :1, :, :1], pools.shape), atol=1e-6)


@pytest.mark.parametrize("name", MAKERS)
def test_networks_of_others_give_their_attention_out(name, make_genome, tmp_path):
    import_model(str(MAKERS[name](tmp_path / "source")), None, tmp_path / "model", WINDOW)
    model = load_language_model(tmp_path / "model")
    before = model.network.config._attn_implementation
    genome, locus = make_genome({"one": SEQUENCE}), Locus("one", 40, 60)
    assert why_no_attention(model, 20, 60) is None
    found = attention_maps(Predictor(model, 4, "float32"), genome, locus)
    assert found.shape == (2, 20, 20)
    assert (found >= 0).all()
    # the rest of a row is for bases outside the locus and special tokens
    assert (found.sum(axis=2) < 1 + 1e-4).all()
    if model.kind == "causal" and model.encoding.k == 1:
        assert (np.triu(found, 1) == 0).all()
    assert model.network.config._attn_implementation == before
    plain = model.logits(torch.from_numpy(model.write(random_codes(1, 3)).ids), None)
    assert torch.isfinite(plain).all()
