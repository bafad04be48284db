"""The one interface to language models: own networks, folders, special tokens, and windows of too many tokens."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_corpus import random_sequence
from torch import nn

from genoglot.errors import InputError
from genoglot.genome.store import decode, encode
from genoglot.model import language_model
from genoglot.model.build import network_config
from genoglot.model.language_model import LanguageModel, load_language_model, of_network
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.network.modeling_genoglot import new_network
from genoglot.tokens.encoding import Blocks, Kmers, SingleBase
from genoglot.tokens.files import save_tokenizer

WINDOW = 24
OWN = {
    "cloze": ({"type": "cloze", "left_kmer": 3}, SingleBase(), "cloze", True),
    "convnet": ({"type": "convnet"}, SingleBase(), "masked", False),
    "equivariant": ({"type": "convnet", "equivariant": True}, SingleBase(), "masked", True),
    "encoder": ({"type": "encoder"}, Blocks(3), "masked", False),
    "hybrid": ({"type": "hybrid", "pool": 4}, Kmers(3), "masked", False),
    "decoder": ({"type": "decoder"}, Blocks(2), "causal", False),
    "hyena": ({"type": "hyena", "causal": True}, SingleBase(), "causal", False),
}


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Numbers are compared with those of a processor, which a graphics card rounds otherwise."""
    torch.set_num_threads(1)
    monkeypatch.setattr(language_model, "device", lambda: torch.device("cpu"))


def build(name: str) -> tuple[nn.Module, object]:
    architecture, encoding, _, _ = OWN[name]
    torch.manual_seed(0)
    network = new_network(network_config({**architecture, "dim": 16, "layers": 2}, encoding, WINDOW))
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return network.eval(), encoding


def save(name: str, folder) -> nn.Module:
    network, encoding = build(name)
    network.config.auto_map = {"AutoModelForMaskedLM": "modeling_genoglot.GenoglotForMaskedLM"}
    network.save_pretrained(folder)
    save_tokenizer(encoding, folder, WINDOW)
    return network


def windows(count: int = 5) -> np.ndarray:
    return np.stack([encode(random_sequence(WINDOW, seed, "ACGTacgtN")) for seed in range(count)])


@pytest.mark.parametrize("name", OWN)
def test_own_models_come_back_from_their_folders(name, tmp_path):
    network = save(name, tmp_path)
    # whatever code lies there, it is not what runs
    (tmp_path / "modeling_genoglot.py").write_text("raise SystemExit('this ran')")
    model = load_language_model(tmp_path)
    _, encoding, kind, symmetric = OWN[name]
    assert (model.kind, model.symmetric, model.window, model.dim) == (kind, symmetric, WINDOW, 16)
    assert type(model.encoding) is type(encoding)
    assert (model.prefix, model.suffix, model.longest) == ((), (), None)
    assert not model.network.training
    written = model.write(windows())
    expected = encoding.encode(windows())
    assert np.array_equal(written.ids, expected.ids)
    assert np.array_equal(written.present, expected.present)
    ids, present = torch.from_numpy(written.ids), torch.from_numpy(written.present)
    chosen = present & (torch.rand(present.shape) < 0.4)
    with torch.inference_mode():
        logits, vectors = model.logits(ids, present), model.vectors(ids, present)
        some = model.logits(ids, present, chosen)
        for row, length in enumerate(written.lengths):
            # each window by itself, and without padding
            alone = network.logits(ids[row : row + 1, :length])[0]
            torch.testing.assert_close(logits[row, :length], alone, rtol=0, atol=1e-5)
            torch.testing.assert_close(
                vectors[row, :length], network.vectors(ids[row : row + 1, :length])[0], rtol=0, atol=1e-5
            )
    # a convnet computes these in another order
    torch.testing.assert_close(some, logits[chosen], rtol=0, atol=1e-5)
    assert logits.shape == (*ids.shape, 4 if isinstance(encoding, SingleBase) else encoding.size)


def test_a_network_as_it_is():
    network, encoding = build("decoder")
    network.train()
    model = of_network(network, encoding, 12)
    assert model.network is network
    assert network.training
    assert (model.window, model.kind, model.dim) == (12, "causal", 16)
    assert not model.to_device().network.training


def test_folders_that_lack_something_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"is not a model folder: it has no config\.json"):
        load_language_model(tmp_path)
    save("encoder", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    for name in ("model.safetensors", "tokenizer.json"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        with pytest.raises(InputError, match=f"has no {name}"):
            load_language_model(tmp_path)
        (tmp_path / name).write_bytes(content)
    few = {name: tensor for name, tensor in weights.items() if not name.startswith("head")}
    save_file(few, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks the weights head\.bias, head\.weight"):
        load_language_model(tmp_path)
    save_file({**weights, "head.weight": torch.zeros(3, 3)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="cannot be read by GenoglotForMaskedLM"):
        load_language_model(tmp_path)
    save_tokenizer(Kmers(4), tmp_path, WINDOW)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"259 tokens.* the network 72"):
        load_language_model(tmp_path)


def test_a_model_of_others_that_was_not_imported_is_refused(tmp_path):
    save("convnet", tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "model_type": "bert"}))
    with pytest.raises(InputError, match=r"type 'bert' .* name its folder as `pretrained`"):
        load_language_model(tmp_path)


def surrounded(encoding, prefix=(), suffix=(), longest=None) -> LanguageModel:
    return LanguageModel(nn.Identity(), encoding, "masked", WINDOW, False, 1, prefix, suffix, longest)


@pytest.mark.parametrize(("prefix", "suffix"), [((), ()), ((70,), ()), ((), (71, 72)), ((70, 69), (71,))])
def test_special_tokens_are_put_around_every_window(prefix, suffix):
    encoding = Blocks(3)
    codes = np.concatenate([windows(), encode("N" * WINDOW)[None]])
    written = surrounded(encoding, prefix, suffix).write(codes)
    assert len(set(written.lengths)) > 1
    for row, window in enumerate(codes):
        alone = encoding.encode(window[None])
        length = len(prefix) + alone.lengths[0] + len(suffix)
        assert written.lengths[row] == length
        assert written.ids[row, :length].tolist() == [*prefix, *alone.ids[0], *suffix]
        assert (written.ids[row, length:] == encoding.pad).all()
        inside = slice(len(prefix), len(prefix) + alone.lengths[0])
        assert np.array_equal(written.starts[row, inside], alone.starts[0])
        assert np.array_equal(written.ends[row, inside], alone.ends[0])
        outside = np.r_[0 : len(prefix), inside.stop : written.ids.shape[1]]
        assert not written.starts[row, outside].any()
        assert not written.ends[row, outside].any()
    none = surrounded(encoding, prefix, suffix).write(codes[:0])
    assert none.ids.shape == (0, len(prefix) + len(suffix))


def test_n_give_way_where_a_window_has_too_many_tokens():
    model = surrounded(Blocks(3), (70,), (), longest=9)
    texts = ["ACGTTTGGGAAACCCAGTACAGGG", "NNNNNNNNACGTTTGGGAAANNNN", "ACGNNNNNNNNNNNNNNNNNNTTT", "N" * 24]
    written = model.write(np.stack([encode(text) for text in texts]))
    assert written.lengths.tolist() == [9, 9, 9, 9]
    spelled = [[model.encoding.tokens[number] for number in row[1:]] for row in written.ids]
    assert spelled[0] == ["ACG", "TTT", "GGG", "AAA", "CCC", "AGT", "ACA", "GGG"]
    # four blocks, and four of the N beside them
    assert spelled[1] == ["N", "N", "ACG", "TTT", "GGG", "AAA", "N", "N"]
    assert spelled[2] == ["ACG", "N", "N", "N", "N", "N", "N", "TTT"]
    assert spelled[3] == ["N"] * 8
    # what stays is where it was
    for row, text in enumerate(texts):
        for start, end, token in zip(written.starts[row, 1:], written.ends[row, 1:], spelled[row], strict=True):
            assert text[start:end] == token
        assert (np.diff(written.starts[row, 1:]) > 0).all()


def test_the_n_that_stay_are_the_nearest_to_bases():
    encoding = Blocks(4)
    for seed in range(40):
        share = np.random.default_rng(seed).choice([0.3, 0.6, 0.9])
        text = np.array(list(random_sequence(60, seed)))
        text[np.random.default_rng(seed).random(60) < share] = "N"
        codes = encode("".join(text))[None]
        whole = encoding.encode(codes)
        words = [decode(codes[0, start:end]) for start, end in zip(whole.starts[0], whole.ends[0], strict=True)]
        bases = [place for place, word in enumerate(words) if word != "N"]
        longest = len(bases) + (len(words) - len(bases)) // 2
        written = surrounded(encoding, longest=longest).write(codes)
        assert written.lengths[0] == longest
        kept = [whole.starts[0].tolist().index(start) for start in written.starts[0]]
        distance = [min((abs(place - base) for base in bases), default=0) for place in range(len(words))]
        assert set(bases) <= set(kept)
        lost = set(range(len(words))) - set(kept)
        assert max(distance[place] for place in kept) <= min(distance[place] for place in lost)


def test_too_many_tokens_with_bases_are_refused():
    model = surrounded(Blocks(3), longest=8)
    with pytest.raises(InputError, match=r"a window of 24 bases has 16 tokens with bases, and the model takes 8"):
        model.write(encode("ACN" * 8)[None])


def test_padding_is_named_to_networks_that_have_it():
    config = GenoglotConfig(architecture="encoder", dim=16, layers=1, heads=2, window=WINDOW)
    network = new_network(config).eval()
    seen = []
    hidden = network.hidden
    network.hidden = lambda ids, present=None: (seen.append(present), hidden(ids, present))[1]
    ids, present = torch.randint(0, 5, (2, WINDOW)), torch.ones(2, WINDOW, dtype=torch.bool)
    of_network(network, SingleBase(), WINDOW).logits(ids, present)
    # windows of single nucleotides are all of one length, and attention without a mask is faster
    assert seen == [None]
