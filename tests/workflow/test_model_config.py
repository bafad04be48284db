"""The section `models`: what goes together, what is refused, and sweeps."""

from pathlib import Path

import pytest
import yaml
from configurations import ROOT, SCHEMAS, read, refused

from genoglot.model.presets import ARCHITECTURES, SIZES, settings_of
from genoglot.schema import load_schema
from genoglot.sweeps.expansion import LISTS

TOKENIZERS = {
    "words": {"corpus": "one", "type": "kmer"},
    "blocks": {"corpus": "one", "type": "blocks"},
    "bases": {"corpus": "one", "type": "single"},
    "pieces": {"corpus": "one", "type": "bpe"},
    "elsewhere": {"corpus": "both", "type": "bpe"},
}


def models(**entries):
    return {"tokenizers": TOKENIZERS, "models": entries}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"tokenizer": "block"}, "models.m.tokenizer: there is no tokenizer block; did you mean blocks?"),
        (
            {"tokenizer": "elsewhere", "architecture": {"type": "encoder"}},
            "models.m.tokenizer: elsewhere is learnt on corpus both, which does not hold out what corpus one does",
        ),
        (
            {"tokenizer": "words", "architecture": {"type": "decoder"}},
            "models.m.tokenizer: words has overlapping k-mers, each of which gives away all but one base of the next",
        ),
        ({"tokenizer": "words", "architecture": {"type": "hyena", "causal": True}}, "words has overlapping k-mers"),
        ({"tokenizer": "pieces"}, "models.m.architecture: cloze reads single nucleotides"),
        ({"architecture": {"type": "convnet", "heads": 2}}, "models.m.architecture: convnet has no setting heads"),
        ({"architecture": {"type": "encoder", "dim": 30}}, "models.m.architecture: dim: 30 is not a multiple"),
        ({"architecture": {"type": "rnn"}}, "models.m.architecture.type: expected one of cloze, convnet"),
        ({"training": {"max_steps": 5}}, "models.m.training.max_steps: unknown key"),
        ({"training": {"lm_weight": 0}}, "models.m.training: lm_weight and region_weight are both 0"),
        ({"training": {"batch_tokens": 100}}, "models.m.training.batch_tokens: 100 bases hold no window of the corpus"),
        ({"training": {"length_warmup": {"window": 1024}}}, "length_warmup.window: 1024 is longer than a window"),
        (
            {"corpus": "bare", "training": {"region_weight": 1}},
            "models.m.training.region_weight: region classes come from an annotation, and no genome of corpus bare has",
        ),
        ({"hardware": {"devices": "all"}}, "devices: the text 'all' is neither a number nor the word auto"),
        ({"hardware": {"devices": 0}}, "models.m.hardware.devices: expected a value of at least 1"),
        ({"uses": ["report"]}, "models.m.uses[0]: expected one of embeddings, tasks, variants"),
        ({"revision": "main"}, "models.m: revision: for a model that comes trained"),
        (
            {"pretrained": "a/b", "architecture": {"type": "cloze"}, "init_from": "small", "sweep": {"seeds": [1]}},
            "models.m.pretrained: a model that comes trained has its own network and tokenizer, and is not trained "
            "here: remove architecture, init_from, sweep",
        ),
        ({"pretrained": "a/b", "tokenizer": "words"}, "remove tokenizer"),
        (
            {"init_from": "trial"},
            "models.m.init_from: trial is a sweep: name one of the models it stands for, trial-s1",
        ),
        (
            {"init_from": "small", "architecture": {"type": "convnet"}},
            "models.m.init_from: small is another network, and its weights do not fit: type is cloze there and convnet",
        ),
        ({"init_from": "small", "architecture": {"dim": 64}}, "dim is 128 there and 64 here"),
        (
            {"init_from": "spelled", "tokenizer": "blocks", "architecture": {"type": "encoder"}},
            "do not fit: tokenizer is pieces there and blocks here",
        ),
        ({"sweep": {}}, "models.m.sweep: expected at least one list of values (architectures, sizes"),
        ({"sweep": {"sizes": []}}, "models.m.sweep.sizes: expected at least 1"),
        ({"sweep": {"seeds": [1, 1]}}, "models.m.sweep.seeds: given twice: 1"),
        ({"sweep": {"tokenizers": ["pices"]}}, "models.m.sweep.tokenizers: there is no tokenizer pices; did you mean"),
        (
            {"sweep": {"architectures": ["cloze", "encoder"], "tokenizers": [None, "words"]}},
            "models.m.sweep: m-cloze-words.architecture: cloze reads single nucleotides",
        ),
        (
            {"sweep": {"architectures": ["decoder"], "tokenizers": ["blocks", "words"]}},
            "models.m.sweep: m-decoder-words.tokenizer: words has overlapping k-mers",
        ),
    ],
)
def test_mistakes_in_models(config, entry, words):
    config["corpora"]["bare"] = {"genomes": ["b"], "validation": ["I"]}
    others = {
        "small": {"corpus": "one"},
        "spelled": {"corpus": "one", "tokenizer": "pieces", "architecture": {"type": "encoder"}},
        "trial": {"corpus": "one", "sweep": {"seeds": [1, 2]}},
    }
    message = refused(config | models(**others, m={"corpus": "one", **entry}), words)
    assert len(message.splitlines()) == 1


def test_what_goes_together_in_models(config):
    """The neighbours of what is refused."""
    study = read(
        config
        | models(
            small={"corpus": "one", "seed": 5},
            again={"corpus": "both", "init_from": "small", "tokenizer": "bases", "architecture": {"dropout": 0.1}},
            words={"corpus": "both", "tokenizer": "words", "architecture": {"type": "encoder"}},
            pieces={"corpus": "one", "tokenizer": "pieces", "architecture": {"type": "decoder", "size": "tiny"}},
            labelled={"corpus": "both", "training": {"lm_weight": 0, "region_weight": 1}, "uses": []},
            other={"corpus": "one", "pretrained": "./there", "trust_remote_code": True},
            hub={"corpus": "one", "pretrained": "owner/name", "revision": "0123", "uses": ["variants"]},
        )
    )
    assert study.imported == ["other", "hub"]
    assert study.trained == [name for name in study.models if name not in study.imported]
    assert [study.pretrained_folder(name) for name in study.imported] == ["./there", None]
    assert [study.seed(name) for name in ("small", "again")] == [5, 1]
    assert study.architecture("pieces") == study.architecture("pieces") | {"type": "decoder", "ngram": 0, "dim": 32}
    assert study.labelled("labelled") == ["a"]
    assert study.labelled("small") == []
    objectives = {"small": "cloze", "words": "masked", "pieces": "causal", "labelled": "regions"}
    assert {name: study.objective(name) for name in objectives} == objectives
    assert "hub" not in {model for _, model in study.embeddings()}
    assert ("known", "hub") in study.scorings()
    assert "labelled" not in {model for _, model in [*study.embeddings(), *study.task_runs(), *study.scorings()]}


def test_hardware_is_not_shown_since_it_changes_nothing(config):
    before = read(config).shown
    config["models"]["small"]["hardware"] = {"devices": "auto", "compile": True}
    assert read(config).shown == before


def test_a_sweep_is_unfolded_into_models(config):
    trial = {"corpus": "one", "training": {"max_tokens": 9999}}
    trial["sweep"] = {"architectures": ["encoder", "decoder"], "learning_rates": [1.0e-3, 2], "seeds": [3]}
    study = read(config | models(small={"corpus": "one"}, trial=trial))
    assert study.sweeps == {
        "trial": [f"trial-{kind}-lr{rate}-s3" for kind in ("encoder", "decoder") for rate in ("0.001", "2")]
    }
    assert [*study.models] == ["small", *study.sweeps["trial"]]
    member = study.models["trial-decoder-lr2-s3"]
    assert study.architecture("trial-decoder-lr2-s3")["type"] == "decoder"
    assert (member["training"]["max_tokens"], member["training"]["learning_rate"], member["seed"]) == (9999, 2.0, 3)
    assert study.members("trial")[0] == {
        "model": "trial-encoder-lr0.001-s3", "architecture": "encoder", "size": "small", "tokenizer": "single",
        "seed": 3, "learning_rate": 0.001, "objective": "masked",
    }  # fmt: skip
    # the report shows the entry as it was written
    assert study.shown["models"]["trial"]["sweep"]["seeds"] == [3]
    assert {model for _, model in study.embeddings()} == {"small"}


def test_two_models_of_one_name_are_refused(config):
    taken = {"corpus": "one"}
    entries = {"trial": {"corpus": "one", "sweep": {"sizes": ["tiny"]}}, "trial-tiny": taken}
    refused(config | models(**entries), "models.trial-tiny: the name trial-tiny is taken by models.trial")


def test_all_architectures_stand_side_by_side_in_the_study_of_backbones(monkeypatch):
    monkeypatch.chdir(ROOT)
    study = read(yaml.safe_load(Path("config/backbones/config.yaml").read_text()))
    assert {member["architecture"] for member in study.members("backbones")} == set(ARCHITECTURES)


def test_the_schema_has_the_settings_of_all_architectures():
    properties = load_schema(SCHEMAS["config"])["properties"]["models"]["additionalProperties"]["properties"]
    shape, sweep = properties["architecture"]["properties"], properties["sweep"]["properties"]
    settings = {key for kind in ARCHITECTURES for key in settings_of(kind)}
    assert set(shape) == settings | {"type", "size"}
    assert all(shape[key]["default"] is None for key in settings)
    for enum, words in ((shape["type"], ARCHITECTURES), (shape["size"], SIZES)):
        assert enum["enum"] == list(words)
    assert sweep["architectures"]["items"]["enum"] == list(ARCHITECTURES)
    assert sweep["sizes"]["items"]["enum"] == list(SIZES)
    assert set(sweep) == set(LISTS)
