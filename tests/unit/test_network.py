"""The networks: what a position may see, equivariance, padding, and recomputed activations."""

import numpy as np
import pytest
import torch

from genoglot.genome.store import encode
from genoglot.network.attention_genoglot import rotary_angles, rotate
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.network.convolutions_genoglot import Convolution
from genoglot.network.hyena_genoglot import long_convolution
from genoglot.network.layers_genoglot import (
    centred_ids,
    kmer_ids,
    plus_squared_relu,
    reverse_complement,
    squared_relu,
)
from genoglot.network.modeling_genoglot import GenoglotForCausalLM, GenoglotForMaskedLM, GenoglotModel, new_network

SMALL = {
    "dim": 12, "layers": 3, "heads": 2, "window": 64, "kernel_size": 3, "dilation_growth": 3, "max_dilation": 9,
    "left_kmer": 3, "flank_kmer": 2, "filter_dim": 8, "pool": 4,
}  # fmt: skip
MASKED = ("convnet", "encoder", "hyena", "hybrid")
VARIANTS = {
    "cloze": {"architecture": "cloze"},
    **{name: {"architecture": name, "ngram": 3} for name in (*MASKED, "decoder")},
    "causal hyena": {"architecture": "hyena", "causal": True, "ngram": 3},
    **{f"equivariant {name}": {"architecture": name, "ngram": 3, "equivariant": True} for name in MASKED},
}


def random_network(name: str, **changes) -> GenoglotModel:
    """A small network whose every weight is random, those that begin at zero too; filters reach as far as they do."""
    torch.manual_seed(0)
    network = new_network(GenoglotConfig(**{**SMALL, **VARIANTS[name], **changes}))
    for path, parameter in network.named_parameters():
        if not path.endswith("reach"):
            torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


@pytest.fixture(params=VARIANTS)
def network(request):
    return random_network(request.param)


@pytest.fixture
def tokens():
    return torch.randint(0, 5, (3, 64), generator=torch.Generator().manual_seed(1))


def differences(network: GenoglotModel, tokens: torch.Tensor, position: int) -> torch.Tensor:
    """How much the logits of each position change when one token does, (length,)."""
    changed = tokens.clone()
    changed[:, position] = (changed[:, position] + 1) % 4
    with torch.no_grad():
        return (network.logits(changed) - network.logits(tokens)).abs().amax(dim=(0, 2))


def test_new_networks_start_with_empty_residual_branches(network):
    fresh = new_network(network.config)
    closing = [value for name, value in fresh.named_parameters() if ".down.weight" in name or "out_proj" in name]
    assert closing
    assert all((value == 0).all() for value in closing)
    assert fresh.head.weight.std() > 0


@pytest.mark.parametrize("position", [0, 1, 31, 62, 63])
def test_cloze_prediction_never_sees_its_own_base_but_its_neighbours(tokens, position):
    changed = differences(random_network("cloze"), tokens, position)
    assert changed[position] == 0
    assert all(changed[place] > 0 for place in (position - 1, position + 1) if 0 <= place < 64)


@pytest.mark.parametrize("position", [0, 20, 63])
@pytest.mark.parametrize("name", ["decoder", "causal hyena"])
def test_causal_networks_see_nothing_that_comes_later(tokens, name, position):
    network = random_network(name)
    assert isinstance(network, GenoglotForCausalLM)
    changed = differences(network, tokens, position)
    # the Fourier transform spreads rounding errors over all positions
    assert (changed[:position] < 1e-5 * changed.max()).all()
    assert (changed[position:] > 1e-3 * changed.max()).all()


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ("cloze", "decoder", "causal hyena")])
def test_masked_networks_see_both_sides(tokens, name):
    network = random_network(name)
    assert isinstance(network, GenoglotForMaskedLM)
    assert network.needs_mask
    changed = differences(network, tokens, 32)
    assert changed[30] > 1e-3
    assert changed[34] > 1e-3


@pytest.mark.parametrize("name", ["cloze", *(name for name in VARIANTS if name.startswith("equivariant"))])
def test_symmetric_networks_are_reverse_complement_equivariant(tokens, name):
    network = random_network(name, regions=3)
    assert network.symmetric
    other = reverse_complement(tokens)
    with torch.no_grad():
        forward = network.logits(tokens)
        reverse = network.logits(other).flip(1)[..., [3, 2, 1, 0]]
        torch.testing.assert_close(forward, reverse, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(network.vectors(tokens), network.vectors(other).flip(1), rtol=1e-5, atol=1e-5)
        regions = network.region_logits(network.hidden(tokens))
        torch.testing.assert_close(regions, network.region_logits(network.hidden(other)).flip(1), rtol=1e-5, atol=1e-5)


def test_a_network_that_shares_nothing_is_not_equivariant(tokens):
    network = random_network("convnet")
    with torch.no_grad():
        reverse = network.logits(reverse_complement(tokens)).flip(1)[..., [3, 2, 1, 0]]
        assert (network.logits(tokens) - reverse).abs().max() > 0.01
    assert not network.symmetric


def test_logits_at_positions_are_those_of_the_whole(network, tokens):
    where = torch.zeros_like(tokens, dtype=torch.bool)
    where[0, 3] = where[0, 40] = where[2, 7] = True
    with torch.no_grad():
        torch.testing.assert_close(network.logits(tokens, where), network.logits(tokens)[where])


def test_gradients_of_logits_at_positions_are_those_of_the_whole(network, tokens):
    where = torch.zeros_like(tokens, dtype=torch.bool)
    where[0, 3] = where[0, 5] = where[1, 63] = where[2, 0] = True
    gradients = []
    for logits in (network.logits(tokens, where), network.logits(tokens)[where]):
        parameters = dict(network.named_parameters())
        loss = logits.square().sum()
        gradients.append(dict(zip(parameters, torch.autograd.grad(loss, parameters.values()), strict=True)))
    sparse, dense = gradients
    for name, expected in dense.items():
        torch.testing.assert_close(sparse[name], expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()), msg=name)


def test_squared_relu_has_the_gradient_of_its_definition():
    x, y = torch.randn(2, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(6)).requires_grad_()
    assert torch.autograd.gradcheck(squared_relu, (y,))
    assert torch.autograd.gradcheck(plus_squared_relu, (x, y))
    torch.testing.assert_close(plus_squared_relu(x, y), x + torch.nn.functional.relu(y) ** 2)


@pytest.mark.parametrize("name", [*MASKED, "decoder", "causal hyena"])
def test_padding_changes_nothing(name):
    network = random_network(name, ngram=0, vocab_size=20, outputs=20, pad_token_id=5)
    tokens = torch.randint(6, 20, (2, 30), generator=torch.Generator().manual_seed(2))
    padded = torch.nn.functional.pad(tokens, (0, 18), value=5)
    present = torch.nn.functional.pad(torch.ones_like(tokens, dtype=torch.bool), (0, 18), value=False)
    with torch.no_grad():
        expected = network.logits(tokens)[:, :30]
        found = network.logits(padded, present=present)[:, :30]
        forgotten = network.logits(padded)[:, :30]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    if not network.config.causal:
        assert (forgotten - expected).abs().max() > 1e-3


def test_recomputed_activations_change_neither_names_nor_gradients(network, tokens):
    network.train()
    gradients = []
    names = list(network.state_dict())
    for recompute in (False, True):
        if recompute:
            network.activation_checkpointing_enable({"use_reentrant": False})
        network.zero_grad()
        network.logits(tokens).square().mean().backward()
        gradients.append(
            {name: value.grad.clone() for name, value in network.named_parameters() if value.grad is not None}
        )
    assert list(network.state_dict()) == names
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-5, atol=1e-6, msg=name)


def test_long_convolution_equals_the_sum():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 11, 3, generator=generator)
    past, future = torch.randn(2, 3, 11, generator=generator)
    expected, causal = torch.zeros_like(x), torch.zeros_like(x)
    for here in range(11):
        for there in range(11):
            if there <= here:
                causal[:, here] += x[:, there] * past[:, here - there]
            weight = past[:, here - there] if there <= here else future[:, there - here]
            expected[:, here] += x[:, there] * weight
    torch.testing.assert_close(long_convolution(x, past, future), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(long_convolution(x, past, None), causal, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("size", "dilation"), [(9, 1), (5, 4), (4, 3), (3, 40)])
def test_convolution_equals_that_of_torch(size, dilation):
    torch.manual_seed(5)
    convolution = Convolution(6, 7, size, dilation=dilation)
    x = torch.randn(2, 33, 6)
    expected = torch.nn.functional.conv1d(
        x.transpose(1, 2), convolution.weight, convolution.bias, padding="same", dilation=dilation
    )
    torch.testing.assert_close(convolution(x), expected.transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_rotated_products_depend_on_distance_alone():
    query, key = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(4)).expand(2, 1, 1, 20, 8)
    angles = rotary_angles(20, 8, query.device)
    scores = (rotate(query, *angles) @ rotate(key, *angles).transpose(-1, -2))[0, 0]
    for distance in (-7, 0, 3):
        line = torch.diagonal(scores, distance)
        torch.testing.assert_close(line, line[:1].expand_as(line), rtol=1e-4, atol=1e-5)
    assert abs(scores[0, 0] - scores[0, 5]) > 1e-3


def test_ngram_numbers_against_text():
    text = "ACGTNACCGT"
    tokens = torch.from_numpy(encode(text).astype(np.int64))[None]
    ending, around = kmer_ids(tokens, 3)[0].tolist(), centred_ids(tokens, 3)[0].tolist()
    letters = "ACGTN"
    for position, (left, both) in enumerate(zip(ending, around, strict=True)):
        kmer = text[max(0, position - 2) : position + 1]
        known = len(kmer) == 3 and "N" not in kmer
        assert left == (int("".join(str(letters.index(base)) for base in kmer), 4) if known else 64)
        flanked = ("N" + text + "N")[position : position + 3]
        assert both == int("".join(str(letters.index(base)) for base in flanked), 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "transformer"}, "not one of"),
        ({"architecture": "encoder", "causal": True}, "reads both sides"),
        ({"architecture": "cloze", "vocab_size": 70, "outputs": 70}, "single nucleotides"),
        ({"architecture": "decoder", "equivariant": True}, "cannot be equivariant"),
        ({"architecture": "encoder", "dim": 10, "heads": 4}, "not a multiple"),
    ],
)
def test_impossible_networks_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        new_network(GenoglotConfig(**{**SMALL, **changes}))
