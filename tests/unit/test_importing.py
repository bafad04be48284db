"""Models of others: the same numbers as with their own tokenizers and classes, or a refusal in words."""

import json
import pickle
from pathlib import Path

import foreign_models
import numpy as np
import pytest
import torch
import transformers.dynamic_module_utils
from foreign_models import MAKERS, POSITIONS
from safetensors.torch import load_file, save_file
from tiny_corpus import random_sequence
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
)

from genoglot.errors import InputError
from genoglot.files import digest
from genoglot.genome.store import encode
from genoglot.model import importing, language_model
from genoglot.model.importing import import_model
from genoglot.model.language_model import load_language_model
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.network.modeling_genoglot import new_network
from genoglot.tokens.encoding import SingleBase
from genoglot.tokens.files import save_tokenizer

WINDOW = 40
FILES = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "training.json"}


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Numbers are compared with those of a processor, which a graphics card rounds otherwise."""
    torch.set_num_threads(1)
    monkeypatch.setattr(language_model, "device", lambda: torch.device("cpu"))


@pytest.fixture(scope="module", autouse=True)
def modules(tmp_path_factory):
    """Where transformers copies code that is to run, in place of the user's cache."""
    folder = tmp_path_factory.mktemp("modules")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return {name: make(tmp_path_factory.mktemp("sources") / name) for name, make in MAKERS.items()}


@pytest.fixture(scope="module")
def imported(sources, tmp_path_factory):
    folders = {name: tmp_path_factory.mktemp("models") / name for name in sources}
    for name, source in sources.items():
        import_model(str(source), None, folders[name], WINDOW)
    return folders


def change_json(path: Path, **changes) -> None:
    settings = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in settings.items() if value is not None}))


def texts() -> list[str]:
    """Windows without N, with one, with many, and with N alone."""
    plain = random_sequence(WINDOW, 1)
    mixed = random_sequence(WINDOW, 2, "ACGTN")
    return [plain, plain[:17] + "N" + plain[18:], mixed, "N" * 25 + plain[25:], "N" * WINDOW]


def original_ids(folder: Path, text: str) -> torch.Tensor:
    """As the authors say to use the model."""
    if folder.name == "dnabert":
        text = " ".join(text[start : start + 3] for start in range(len(text) - 2))
    return torch.tensor([AutoTokenizer.from_pretrained(folder)(text)["input_ids"]])


@pytest.mark.parametrize("name", MAKERS)
def test_ids_logits_and_vectors_are_the_original_ones(sources, imported, name):
    auto = AutoModelForCausalLM if name in ("gpt", "llama") else AutoModelForMaskedLM
    original = auto.from_pretrained(sources[name]).eval()
    model = load_language_model(imported[name])
    written = model.write(np.stack([encode(text) for text in texts()]))
    ids, present = torch.from_numpy(written.ids), torch.from_numpy(written.present)
    chosen = present & (torch.arange(ids.shape[1]) % 3 == 1)
    with torch.inference_mode():
        logits, vectors = model.logits(ids, present), model.vectors(ids, present)
        some = model.logits(ids, present, chosen)
        for row, text in enumerate(texts()):
            expected_ids = original_ids(sources[name], text)
            expected = original(expected_ids, output_hidden_states=True)
            length = written.lengths[row]
            assert written.ids[row, :length].tolist() == expected_ids[0].tolist()
            torch.testing.assert_close(logits[row, :length], expected.logits[0], rtol=0, atol=1e-5)
            torch.testing.assert_close(vectors[row, :length], expected.hidden_states[-1][0], rtol=0, atol=1e-5)
        torch.testing.assert_close(some, logits[chosen], rtol=0, atol=1e-6)
    assert logits.dtype == torch.float32
    assert logits.shape[2] == model.encoding.size
    assert vectors.shape == (*ids.shape, model.dim)


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_known_of_a_model(sources, imported, name):
    model = load_language_model(imported[name])
    about = json.loads((imported[name] / "training.json").read_text())
    assert {path.name for path in imported[name].iterdir()} - {"generation_config.json"} == FILES
    assert about["pretrained"] == str(sources[name])
    assert about["sha256"] == digest(imported[name] / "model.safetensors")
    assert about["architecture"] == type(model.network).__name__
    assert about["parameters"] == sum(parameter.numel() for parameter in model.network.parameters())
    assert about["tokens_seen"] is about["seconds"] is about["steps"] is about["revision"] is None
    assert about["window"] == model.window == WINDOW
    assert model.kind == about["kind"] == ("causal" if name in ("gpt", "llama") else "masked")
    assert not model.symmetric
    assert not model.network.training


def test_the_limits_of_positions_are_known(imported, tmp_path):
    # positions of ESM begin after the id of the padding, 1
    expected = {"nucleotide_transformer": POSITIONS - 2, "dnabert": POSITIONS, "gpt": POSITIONS, "llama": POSITIONS}
    found = {name: load_language_model(imported[name]).longest for name in expected}
    assert found == expected
    source = foreign_models.nucleotide_transformer(tmp_path / "rotary", rotary=True)
    import_model(str(source), None, tmp_path / "model", WINDOW)
    assert load_language_model(tmp_path / "model").longest == POSITIONS


def test_windows_that_do_not_fit_are_refused(sources, tmp_path):
    # one token for each base but two, and [CLS] and [SEP]
    import_model(str(sources["dnabert"]), None, tmp_path / "fits", POSITIONS)
    with pytest.raises(InputError, match=f"windows of at most about {POSITIONS - 1} bases"):
        import_model(str(sources["dnabert"]), None, tmp_path / "model", POSITIONS + 1)
    with pytest.raises(InputError, match="the model takes 93 beside its special tokens"):
        import_model(str(sources["nucleotide_transformer"]), None, tmp_path / "model", 3 * POSITIONS)
    assert not (tmp_path / "model" / "config.json").exists()


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_model_of_the_hub(sources, imported, tmp_path, monkeypatch, kind):
    snapshot, calls = tmp_path / "snapshots" / "0a1b2c", []

    def fetch(name, revision, allow_patterns, ignore_patterns):
        calls.append((name, revision, allow_patterns))
        snapshot.mkdir(parents=True, exist_ok=True)
        for path in sources["dnabert"].iterdir():
            if path.name != "model.safetensors":
                (snapshot / path.name).write_bytes(path.read_bytes())
        weights = sources["dnabert"] / "model.safetensors"
        if kind == "safetensors":
            (snapshot / weights.name).write_bytes(weights.read_bytes())
        elif "*.bin" in allow_patterns:
            torch.save(load_file(weights), snapshot / "pytorch_model.bin")
        return str(snapshot)

    monkeypatch.setattr(importing, "snapshot_download", fetch)
    import_model("group/model", "v2", tmp_path / "model", WINDOW)
    about = json.loads((tmp_path / "model" / "training.json").read_text())
    assert (about["pretrained"], about["revision"], about["commit"]) == ("group/model", "v2", "0a1b2c")
    assert [call[:2] for call in calls] == [("group/model", "v2")] * (1 if kind == "safetensors" else 2)
    assert not any("*.py" in call[2] for call in calls)
    expected = load_file(imported["dnabert"] / "model.safetensors")
    found = load_file(tmp_path / "model" / "model.safetensors")
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_sources_that_are_not_there_are_refused(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise ConnectionError("the network is unreachable")

    monkeypatch.setattr(importing, "snapshot_download", no_network)
    with pytest.raises(InputError, match=r"could not be fetched .*ConnectionError: the network is unreachable"):
        import_model("group/model", None, tmp_path / "model", WINDOW)
    with pytest.raises(InputError, match="there is no such folder, and it is no name on the Hugging Face hub"):
        import_model(str(tmp_path / "nothing"), None, tmp_path / "model", WINDOW)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no config\.json"):
        import_model(str(tmp_path / "empty"), None, tmp_path / "model", WINDOW)
    with pytest.raises(InputError, match="has no revision 'main'"):
        import_model(str(tmp_path / "empty"), "main", tmp_path / "model", WINDOW)


def test_weights_that_are_missing_or_broken_are_refused(tmp_path):
    source = foreign_models.nucleotide_transformer(tmp_path / "source")
    weights = load_file(source / "model.safetensors")

    def attempt(kept: dict[str, torch.Tensor]) -> None:
        save_file(kept, source / "model.safetensors", metadata={"format": "pt"})
        import_model(str(source), None, tmp_path / "model", WINDOW)

    # contacts between residues are nothing that a genome's model predicts
    attempt({name: value for name, value in weights.items() if "contact_head" not in name})
    with pytest.raises(InputError, match=r"its weights lack lm_head\.dense\.weight, lm_head\.dense\.bias, without"):
        attempt({name: value for name, value in weights.items() if "lm_head.dense" not in name})
    with pytest.raises(InputError, match="cannot be read by AutoModelForMaskedLM"):
        attempt({**weights, "lm_head.dense.weight": torch.zeros(3, 3)})
    (source / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read by AutoModelForMaskedLM"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    (source / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        import_model(str(source), None, tmp_path / "model", WINDOW)


class Poison:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_but_tensors_is_unpickled(sources, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for path in sources["gpt"].iterdir():
        if path.name != "model.safetensors":
            (source / path.name).write_bytes(path.read_bytes())
    torch.save({"weight": Poison(tmp_path / "ran")}, source / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot be read"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    (source / "pytorch_model.bin").write_bytes(pickle.dumps(Poison(tmp_path / "ran"), protocol=2))
    with pytest.raises(InputError, match="cannot be read"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    assert not (tmp_path / "ran").exists()


def test_models_of_another_purpose_are_refused(sources, tmp_path):
    source = foreign_models.dnabert(tmp_path / "source")
    BertModel(BertConfig(vocab_size=69, **foreign_models.SHAPE)).save_pretrained(source)
    with pytest.raises(InputError, match=r"its weights lack cls\.predictions"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    change_json(source / "config.json", model_type="vit", architectures=["ViTForImageClassification"])
    with pytest.raises(InputError, match=r"type 'vit' \(ViTForImageClassification\) is no masked or causal"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    change_json(source / "config.json", model_type="nobody", architectures=["NobodyForMaskedLM"])
    with pytest.raises(InputError, match="cannot be read"):
        import_model(str(source), None, tmp_path / "model", WINDOW)


def test_the_kind_is_found_without_a_named_architecture(sources, tmp_path):
    for name, kind in (("gpt", "causal"), ("dnabert", "masked")):
        source = MAKERS[name](tmp_path / name)
        change_json(source / "config.json", architectures=None)
        import_model(str(source), None, tmp_path / "models" / name, WINDOW)
        assert load_language_model(tmp_path / "models" / name).kind == kind


def test_code_runs_only_if_it_is_trusted(tmp_path, modules):
    source = foreign_models.custom(tmp_path / "trusted")
    pattern = "trusted/**/ran"
    with pytest.raises(InputError, match=r"Python code of its own \(tiny\.TinyConfig, .*trust_remote_code: true"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    assert not list(modules.rglob(pattern))
    import_model(str(source), None, tmp_path / "model", WINDOW, trust_remote_code=True)
    assert list(modules.rglob(pattern))
    assert (tmp_path / "model" / "tiny.py").read_text() == (source / "tiny.py").read_text()
    model = load_language_model(tmp_path / "model")
    original = AutoModelForMaskedLM.from_pretrained(source, trust_remote_code=True)
    written = model.write(encode(texts()[2])[None])
    ids, present = torch.from_numpy(written.ids), torch.from_numpy(written.present)
    torch.testing.assert_close(model.logits(ids, present), original(ids).logits, rtol=0, atol=1e-6)
    assert model.vectors(ids, present).shape == (1, WINDOW, 8)
    change_json(source / "config.json", auto_map={"AutoModelForMaskedLM": "group/other--tiny.TinyForMaskedLM"})
    with pytest.raises(InputError, match="lies in another repository"):
        import_model(str(source), None, tmp_path / "other", WINDOW, trust_remote_code=True)


def test_a_network_that_cannot_be_told_of_padding_is_refused_where_there_is_some(tmp_path):
    source = foreign_models.custom(tmp_path / "source", k=2)
    with pytest.raises(InputError, match="takes no attention_mask"):
        import_model(str(source), None, tmp_path / "model", WINDOW, trust_remote_code=True)


def test_tokenizers_that_do_not_fit_the_network_are_refused(tmp_path):
    source = foreign_models.dnabert(tmp_path / "source")
    foreign_models.bert(source, 20)
    with pytest.raises(InputError, match="ids up to 68, and its network knows 20 tokens"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    source = foreign_models.llama(tmp_path / "llama")
    foreign_models.bert(source, 8)
    with pytest.raises(InputError, match="its tokenizer has no mask token"):
        import_model(str(source), None, tmp_path / "model", WINDOW)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (source / name).unlink()
    with pytest.raises(InputError, match=r"its tokenizer (cannot be read|.* follows none)"):
        import_model(str(source), None, tmp_path / "model", WINDOW)


def test_what_is_written_wrongly_is_noticed(sources, tmp_path, monkeypatch):
    load = importing.load_language_model

    def spoilt(folder):
        model = load(folder)
        next(model.network.parameters()).data.mul_(2)
        return model

    monkeypatch.setattr(importing, "load_language_model", spoilt)
    with pytest.raises(InputError, match="gives logits that differ by"):
        import_model(str(sources["gpt"]), None, tmp_path / "model", WINDOW)
    monkeypatch.setattr(importing, "load_language_model", load)
    monkeypatch.setattr(importing, "agree", lambda *_: "an example")
    with pytest.raises(InputError, match="gives other ids: an example"):
        import_model(str(sources["gpt"]), None, tmp_path / "model", WINDOW)
    assert list((tmp_path / "model").iterdir()) == []


def test_a_model_of_this_workflow_from_elsewhere(tmp_path):
    network = new_network(GenoglotConfig(architecture="convnet", dim=16, layers=2, window=24)).eval()
    network.config.auto_map = {
        "AutoConfig": "configuration_genoglot.GenoglotConfig",
        "AutoModelForMaskedLM": "modeling_genoglot.GenoglotForMaskedLM",
    }
    network.save_pretrained(tmp_path / "source")
    save_tokenizer(SingleBase(), tmp_path / "source", 24)
    (tmp_path / "source" / "modeling_genoglot.py").write_text("raise SystemExit('ran')")
    import_model(str(tmp_path / "source"), None, tmp_path / "model", WINDOW)
    model = load_language_model(tmp_path / "model")
    assert (model.window, model.kind) == (24, "masked")
    ids = torch.randint(0, 5, (2, 24))
    torch.testing.assert_close(model.logits(ids, None), network.logits(ids))
    # the code of the folder is Genoglot's, so that others can use it
    again = AutoModelForMaskedLM.from_pretrained(tmp_path / "model", trust_remote_code=True)
    torch.testing.assert_close(again(ids).logits, network.logits(ids))


def test_the_tokenizer_written_is_one_of_hugging_face(sources, imported):
    for name, folder in imported.items():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert isinstance(tokenizer, PreTrainedTokenizerFast)
        for text in texts():
            expected = original_ids(sources[name], text)[0].tolist()
            assert tokenizer(text)["input_ids"] == tokenizer(text.lower())["input_ids"] == expected
