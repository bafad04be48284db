"""The configuration: defaults, what names must fit one another, and mistakes named where they are."""

import copy
from pathlib import Path

import pytest
import yaml
from configurations import ROOT, SCHEMAS, read, refused
from jsonschema import Draft202012Validator

from genoglot import config_reference
from genoglot.schema import fill_defaults, load_schema, problems
from genoglot.sources.location import local_path, mirrored

PAIRED = {"t": {"kind": "regression", "sequences": {"train": "x.csv"}, "columns": {"sequence": ["ref", "alt"]}}}


def test_defaults_reach_every_depth(config):
    study = read(config)
    assert study.config["seed"] == 1
    assert study.models["small"]["training"]["learning_rate"] == 0.002
    assert study.models["small"]["uses"] == ["embeddings", "tasks", "variants"]
    assert study.architecture("small")["dim"] == 128
    assert study.seed("small") == 1
    corpus = study.corpora["one"]
    assert [corpus[key] for key in ("window", "step", "validation", "test")] == [512, 256, ["I"], []]
    assert corpus["recipe"]["type"] == "all"
    assert corpus["leakage"] == {"kmer": 21, "max_shared": 0.5, "drop": False}
    assert study.cleaning("a")["min_contig_length"] == 0
    assert study.tasks["regions"]["kind"] == "region_class"


def test_order_and_number_format_do_not_matter(config):
    other = copy.deepcopy(config)
    config["models"]["small"]["training"] = {"max_tokens": 20000, "weight_decay": 0, "learning_rate": 0.01}
    other["models"]["small"] = {
        "training": {"learning_rate": 0.01, "weight_decay": 0.0, "max_tokens": 20000}, "corpus": "one"
    }  # fmt: skip
    assert repr(read(config).models["small"]) == repr(read(other).models["small"])


def test_input_is_not_changed(config):
    before = copy.deepcopy(config)
    read(config)
    assert config == before


def test_sections_left_empty_count_as_empty(config):
    config |= {"embeddings": None, "tasks": None}
    config["corpora"]["one"]["test"] = None
    study = read(config)
    assert study.config["embeddings"]["neighbours"] == 15
    assert study.tasks == {}
    assert study.corpora["one"]["test"] == []


def test_what_is_made_by_default(config):
    study = read(config)
    assert study.embeddings() == [("a", "small"), ("a", "next"), ("b", "next")]
    assert study.task_runs() == [("regions", "small"), ("regions", "next")]
    assert study.scorings() == [("known", "small"), ("known", "next"), ("derived", "small"), ("derived", "next")]
    assert study.contigs("known") == ["I", "II"]
    assert study.contigs("derived") is None


def test_what_variants_are_judged_by(config, tmp_path):
    sheet = "variants\tgenome\tvcf\tlabels\tpositives\tnegatives\tfrequency\n"
    (tmp_path / "variants.tsv").write_text(
        f"{sheet}x\ta\tx.vcf\tINFO/SIG\tP, LP\tB\tAF\ny\ta\tconsequences\tt.tsv\t\t\t\n"
    )
    study = read(config)
    said = study.judgement("x")
    assert said["frequency_bins"] == [0.001, 0.01, 0.05, 0.1, 0.25, 0.5]
    assert not {"mode", "chunks"} & said.keys(), "what changes scores or speed is no reason to judge them again"
    assert {key: value for key, value in said.items() if key not in study.config["scoring"]} == {
        "label_key": "SIG", "label_source": "INFO/SIG", "positives": ["P", "LP"], "negatives": ["B"],
        "frequency_key": "AF", "derived": False,
    }  # fmt: skip
    assert (study.label_key("y"), study.judgement("y")["label_source"]) == (None, "t.tsv")
    assert study.judgement("y")["derived"]
    scoring = {"rare_below": 0.2, "common_from": 0.1}
    refused(config | {"scoring": scoring}, "scoring.rare_below: 0.2 is above common_from, 0.1")


def test_consequences_are_derived_for_the_contigs_that_are_scored(config, tmp_path):
    sheet = tmp_path / "variants.tsv"
    sheet.write_text(
        "variants\tgenome\tvcf\tcontigs\nx\ta\tconsequences\tII\ny\ta\tconsequences\tI\nz\ta\tz.vcf\tIII\n"
    )
    assert read(config).consequence_contigs("a") == ["I", "II"]
    sheet.write_text("variants\tgenome\tvcf\tcontigs\nx\ta\tconsequences\tII\ny\ta\tconsequences\t\n")
    assert read(config).consequence_contigs("a") is None


@pytest.mark.parametrize("path", ["config/config.yaml", "config/yeast/config.yaml"])
def test_shipped_configurations_are_valid(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = read(yaml.safe_load(Path(path).read_text()))
    assert study.scorings()
    assert study.task_runs()


def test_unknown_key_gets_its_place_and_a_suggestion(config):
    config["models"]["small"]["training"] = {"lerning_rate": 0.1}
    refused(config, "models.small.training.lerning_rate: unknown key; did you mean learning_rate?")


def test_all_mistakes_are_named_at_once(config):
    config["sead"] = 3
    config["models"]["small"]["architecture"] = {"dim": "wide", "dropout": 1.0}
    config["corpora"]["one"]["max_n"] = 2
    message = refused(
        config,
        "sead: unknown key; did you mean seed?",
        "models.small.architecture.dim: expected a whole number or nothing (null), found the text 'wide'",
        "models.small.architecture.dropout: expected a value below 1, found the number 1.0",
        "corpora.one.max_n: expected a value of at most 1, found the number 2.0",
    )
    assert len(message.splitlines()) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": "1e3"}, "seed: expected a whole number, found the text '1e3'; YAML reads it as text, write 1000"),
        ({"seed": True}, "seed: expected a whole number, found true"),
        ({"corpora": {"one": {"genomes": ["a"], "validation": [4]}}}, "expected text, found the number 4; write it"),
        ({"corpora": {"one": {"genomes": ["a", "a"], "validation": ["I"]}}}, "corpora.one.genomes: given twice: a"),
        ({"corpora": {"one": {"genomes": [], "validation": ["I"]}}}, "corpora.one.genomes: expected at least 1"),
        ({"corpora": {"one": {"validation": ["I"]}}}, "corpora.one.genomes: missing"),
        ({"corpora": {"one": {"genomes": ["a"]}}}, "corpora.one.validation: name the contigs that are held out, or"),
        ({"corpora": {"one": {"genomes": ["a"], "validation": None}}}, "corpora.one.validation: name the contigs"),
        ({"models": {}}, "models: expected at least 1"),
        ({"models": {"../x": {"corpus": "one"}}}, "'../x' is not a safe name"),
        ({"models": {"a b": {"corpus": "one"}}}, "'a b' is not a safe name"),
        ({"models": {".state": {"corpus": "one"}}}, "'.state' is not a safe name"),
        ({"models": {"m": {"corpus": "oen"}}}, "models.m.corpus: there is no corpus oen; did you mean one?"),
        ({"models": {"m": {"corpus": "one", "init_from": "n"}}}, "models.m.init_from: there is no model n"),
        ({"models": {"m": {"corpus": "one", "init_from": "m"}}}, "circle (m -> m)"),
        ({"models": {"m": "one"}}, "models.m: expected a section of keys, found the text 'one'"),
        ({"corpora": {"one": {"genomes": ["A"], "validation": ["I"]}}}, "corpora.one.genomes: A is not in"),
        ({"predictions": {"p": {"task": "x", "genome": "a"}}}, "predictions.p.task: there is no task x"),
        ({"predictions": {"p": {"task": "x", "genome": "c"}}}, "predictions.p.genome: "),
        (
            {"predictions": {"p": {"task": "x", "genome": "a", "variants": "x.vcf", "step": 5}}},
            "predictions.p: found variants and step; a head reads either windows or alleles",
        ),
        (
            {"predictions": {"p": {"task": "x", "genome": "a", "bed": "x.bed", "step": 5}}},
            "predictions.p.step: an interval of a BED has one window",
        ),
        (
            {"predictions": {"p": {"task": "x", "genome": "a", "variants": "https://a.b/x.vcf"}}},
            "predictions.p.variants: expected the path of a VCF",
        ),
        ({"tasks": {"t": {"genome": "c"}}}, " has no c"),
        ({"tasks": {"t": {}}}, "tasks.t.genome: expected the genome whose region classes are learnt"),
        ({"tasks": {"t": {"kind": "regression"}}}, "tasks.t: kind regression learns from one of"),
        ({"tasks": {"t": {"genome": "a", "bed": "x.bed"}}}, "tasks.t.bed: region classes come from the annotation"),
        (
            {"tasks": {"t": {"kind": "multilabel", "bed": "x.bed"}}},
            "tasks.t.genome: expected the genome on which the BED lies",
        ),
        ({"tasks": {"t": {"genome": "a", "models": ["smal"]}}}, "tasks.t.models: there is no model smal"),
        (
            {"tasks": {"t": {"genome": "a", "mode": "probe", "pooling": "attention"}}},
            "tasks.t.pooling: attention is learnt with the network",
        ),
        (
            {"tasks": {"t": {"kind": "regression", "sequences": {"train": "https://x.org/a.csv"}}}},
            "tasks.t.sequences.train: expected the path of a table",
        ),
        (
            {"tasks": {"t": {"kind": "regression", "genome": "a", "bed": "x.bed", "variants": "x.vcf"}}},
            "tasks.t: kind regression learns from one of `sequences`, `bed` and `variants`; found bed and variants",
        ),
        (
            {"tasks": {"t": {"kind": "regression", "variants": "x.vcf", "column": "AF"}}},
            "tasks.t.genome: expected the genome on which the variants lie",
        ),
        (
            {"tasks": {"t": {"kind": "regression", "genome": "a", "variants": "x.vcf"}}},
            "tasks.t.column: labels of variants are in a key of INFO or a named column; found 4",
        ),
        (
            {"tasks": {"t": {"kind": "regression", "genome": "a", "variants": "https://x.org/a.vcf", "column": "AF"}}},
            "tasks.t.variants: expected the path of a VCF, BCF or table",
        ),
        (
            {"tasks": {"t": {"kind": "regression", "genome": "a", "bed": "x.bed", "group": "g"}}},
            "tasks.t.group: intervals of a BED are grouped by their place",
        ),
        (
            {"tasks": PAIRED, "predictions": {"p": {"task": "t", "genome": "a"}}},
            "predictions.p.variants: the head of t reads pairs of alleles and no windows",
        ),
        (
            {"tasks": PAIRED, "interpretation": {"i": {"genome": "a", "regions": ["I:1-9"], "tasks": ["t"]}}},
            "interpretation.i.tasks: the head of t reads pairs of alleles, and bases of a locus are no pair",
        ),
        ({"tasks": {"t": {"genome": "b"}}}, "tasks.t: region classes come from an annotation, and b has none"),
        ({"tasks": {"t": {"genome": "a", "kind": "x"}}}, "tasks.t.kind: expected one of region_class, annotation"),
        ({"genomes": "absent.tsv"}, "absent.tsv: there is no such sheet"),
    ],
)  # fmt: skip
def test_mistakes_in_the_configuration(config, change, words):
    if "corpora" in change or "models" in change:
        config.pop("tasks")
    refused(config | change, words)


def test_contig_cannot_be_held_out_twice(config):
    config["corpora"]["one"]["test"] = ["I"]
    refused(config, "corpora.one: I cannot be both a validation and a test contig")


def test_longer_circles_of_initial_models(config):
    config["models"] = {
        "a": {"corpus": "one", "init_from": "b"},
        "b": {"corpus": "one", "init_from": "c"},
        "c": {"corpus": "one", "init_from": "b"},
    }
    message = refused(config, "circle (b -> c -> b)")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name):
    Draft202012Validator.check_schema(load_schema(SCHEMAS[name]))


def test_every_key_is_described_and_its_default_valid():
    schema = load_schema(SCHEMAS["config"])
    for name, sub, required in config_reference.keys(schema):
        assert sub.get("description"), name
        assert "type" in sub, name
        if "default" in sub:
            assert problems(fill_defaults(sub["default"], sub), sub) == [], name
        else:
            # without a default it is required, or made of keys that have theirs
            assert required or name.endswith(("PREFIX", "NAME", "GENOME")), name


def test_the_reference_is_current():
    text = (ROOT / "config/README.md").read_text()
    assert config_reference.rewrite(text, ROOT / "workflow/schemas") == text, "run python -m genoglot.config_reference"


def test_local_sources():
    assert local_path("data/a.fa") == "data/a.fa"
    assert local_path("file:///data/a%20b.fa") == "/data/a b.fa"
    assert local_path("https://host/a.fa") is None
    assert local_path("ftp://host/a.fa") is None
    assert local_path("ensembl:homo_sapiens/GRCh38/112") is None
    assert local_path("ncbi:GCF_000146045.2") is None


def test_the_longest_prefix_chooses_the_mirror():
    mirrors = {"https://host/": "/copies/", "https://host/pub/": "https://near/"}
    assert mirrored("https://host/pub/a.fa", mirrors) == "https://near/a.fa"
    assert mirrored("https://host/a.fa", mirrors) == "/copies/a.fa"
    assert mirrored("https://other/a.fa", mirrors) == "https://other/a.fa"
