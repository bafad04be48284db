"""Architectures by name and size."""

from itertools import pairwise

import pytest
import torch

from genoglot.errors import InputError
from genoglot.model.build import build
from genoglot.model.presets import ARCHITECTURES, SIZES, is_causal, resolve, settings_of
from genoglot.tokens.encoding import Blocks, Kmers, SingleBase


def asked(kind: str, size: str = "tiny", **given):
    return {"type": kind, "size": size, **dict.fromkeys(settings_of(kind)), **given}


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_sizes_grow(kind):
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in build(resolve(asked(kind, size)), SingleBase(), 512).parameters()) for size in SIZES
        ]
    assert all(3 * smaller < larger for smaller, larger in pairwise(counts))
    assert 4e7 < counts[-1] < 2e8


def test_what_is_given_goes_before_the_size():
    small = resolve(asked("encoder", "small"))
    assert (small["dim"], small["heads"]) == (128, 4)
    assert resolve(asked("encoder", "small", dim=64))["dim"] == 64


@pytest.mark.parametrize("kind", [kind for kind in ARCHITECTURES if kind != "cloze"])
@pytest.mark.parametrize("encoding", [Kmers(3), Blocks(3)])
def test_other_tokens_have_logits_over_their_vocabulary_and_no_ngrams(kind, encoding):
    network = build(resolve(asked(kind), single=False), encoding, 64, regions=2)
    tokens = torch.randint(0, encoding.size, (2, 20))
    assert network.logits(tokens).shape == (2, 20, encoding.size)
    assert network.region_logits(network.hidden(tokens)).shape == (2, 20, 2)
    assert network.config.ngram == 0
    assert network.config.mask_token_id == encoding.mask


def test_causal_are_decoders_and_hyena_if_asked():
    assert [kind for kind in ARCHITECTURES if is_causal(resolve(asked(kind)))] == ["decoder"]
    assert is_causal(resolve(asked("hyena", causal=True)))


@pytest.mark.parametrize(
    ("architecture", "single", "message"),
    [
        (asked("encoder", kernel_size=9), True, "encoder has no setting kernel_size; those it has are dim"),
        (asked("cloze"), False, "cloze reads single nucleotides"),
        (asked("convnet", equivariant=True), False, "equivariant: for single nucleotides only"),
        (asked("hyena", causal=True, equivariant=True), True, "cannot be equivariant"),
        (asked("decoder", dim=36, heads=4), True, "36 is not a multiple of twice the number of heads, 4"),
    ],
)
def test_what_does_not_go_together_is_refused(architecture, single, message):
    with pytest.raises(InputError, match=message):
        resolve(architecture, single)
