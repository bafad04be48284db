"""Heads as Hugging Face folders where Genoglot is not installed: transformers alone gives the head's predictions."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from foreign_models import dnabert
from tiny_models import WINDOW, random_codes, random_network
from tiny_tokens import tiny_encoding

from genoglot.errors import InputError
from genoglot.examples.sequences import encode_sequences
from genoglot.examples.target import Target
from genoglot.genome.store import decode
from genoglot.model.folder import save_model
from genoglot.model.importing import import_model
from genoglot.model.language_model import load_language_model
from genoglot.network.tasks_genoglot import GenoglotForSequenceClassification
from genoglot.tasks import PRETRAINED
from genoglot.tasks import export as exporting
from genoglot.tasks.export import export_head, token_table
from genoglot.tasks.heads import load_head, save_head
from genoglot.tasks.network import TaskNetwork, adapt
from genoglot.tasks.training import Objective, TaskModel

CLASSES = Target("classes", ("exon", "5' UTR", "other"))
LABELS = Target("labels", ("open", "bound"))
VALUES = Target("values", ("strength",))
BASES = Target("classes", ("sense", "other", "antisense"), 1, (2, 1, 0))
TRACKS = Target("values", ("signal",), 4)
# architecture, tokens, pooling, mode, target, layer
HEADS = {
    "centre": ("convnet", "single", "centre", "full", CLASSES, None),
    "mean": ("cloze", "single", "mean", "full", VALUES, None),
    "middle": ("hybrid", "blocks", "token", "probe", LABELS, 1),
    "last": ("decoder", "kmer", "token", "full", CLASSES, None),
    "attention": ("encoder", "bpe", "attention", "full", LABELS, None),
    "updates": ("encoder", "kmer", "attention", "lora", CLASSES, 1),
    "bases": ("encoder", "blocks", "bins", "full", BASES, None),
    "windows": ("convnet", "kmer", "bins", "full", TRACKS, None),
    "strands": ("hyena", "single", "mean", "lora", VALUES, None),
}
SETTINGS = {"strands": "both", "dropout": 0.1, "lora": {"rank": 2, "alpha": 4, "dropout": 0.0}}
MEASURES = {"balanced_accuracy": 0.8, "balanced_accuracy_low": 0.7, "balanced_accuracy_high": 0.9, "mcc": 0.25}
METRICS = {"n_train": 60, "n_test": 20, PRETRAINED: MEASURES, "kmer": {"mcc": 0.125, "balanced_accuracy": None}}
# the program of the card, as a person would run it
PROGRAM = """
import contextlib, io, json, re, sys
assert not any("genoglot" in path for path in sys.path)
results = {}
for folder, sequences in json.load(open(sys.argv[1])).items():
    text = open(folder + "/README.md").read()
    names = {}
    exec(re.search("```python\\n(.*?)```", text, re.S)[1].replace("path/of/this/folder", folder), names)
    config = names["model"].config
    results[folder] = {
        "one": names["predict"](sequences).tolist(), "both": names["predict_both"](sequences).tolist(),
        "id2label": config.id2label, "label2id": config.label2id, "problem": config.problem_type,
    }
print(json.dumps(results))
"""


def write_model(folder: Path, make_genome, architecture: str, kind: str) -> None:
    """`model/`, all of whose weights are random."""
    encoding = tiny_encoding(kind, make_genome, folder)
    network = random_network(architecture, encoding, equivariant=architecture == "hyena")
    # byte pairs are learnt: their files are copied from where they were written
    save_model(network, encoding if kind != "bpe" else Path(encoding.path).parent, folder / "model", WINDOW)


def write_head(folder: Path, pooling: str, mode: str, target: Target, layer: int | None) -> None:
    """`head/` on `model/`, as random, and `metrics.json`."""
    torch.manual_seed(5)
    model = load_language_model(folder / "model").at_layer(layer)
    network = TaskNetwork(model, target, pooling, WINDOW, SETTINGS["dropout"])
    if mode == "lora":
        adapt(network, **SETTINGS["lora"])
    for name, parameter in network.named_parameters():
        if "lora_" in name or not name.startswith("backbone."):
            torch.nn.init.normal_(parameter, std=0.4)
    truth = np.random.default_rng(2).normal(3, 2, (50, target.outputs)).astype(np.float32)
    objective = Objective(target, truth if target.kind == "values" else None)
    (folder / "head").mkdir()
    settings = {**SETTINGS, "mode": mode, "layer": layer, "pooling": pooling}
    about = {"backbone": "m", "task": "t", "start": PRETRAINED}
    save_head(folder / "head", TaskModel(network, target, objective, True), folder / "model", settings, about)
    (folder / "metrics.json").write_text(json.dumps(METRICS))


def export(folder: Path) -> None:
    export_head(folder / "model", folder / "head", folder / "metrics.json", folder / "huggingface")


def sequences() -> list[str]:
    """Of the head's length, lower case and with N at the ends or a run of them inside; shorter ones, and a longer."""
    texts = [decode(codes) for codes in random_codes(5, 3)]
    texts[1] = "N" * 7 + texts[1][7:]
    texts[2] = texts[2][:20] + "N" * 9 + texts[2][29:].lower()
    return [*texts, texts[3][:31], texts[3][:20], texts[3] + texts[4][:5]]


def test_transformers_alone_gives_the_predictions_of_the_head(make_genome, tmp_path):
    for name, (architecture, kind, *head) in HEADS.items():
        (tmp_path / name).mkdir()
        write_model(tmp_path / name, make_genome, architecture, kind)
        write_head(tmp_path / name, *head)
        export(tmp_path / name)
    asked = {str(tmp_path / name / "huggingface"): sequences() for name in HEADS}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    home = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, "asked.json"]
    run = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout.splitlines()[-1])
    texts = pd.Series(sequences())
    codes, _ = encode_sequences(texts, texts, WINDOW)
    for name, found in results.items():
        folder = Path(name).parent
        head = load_head(folder / "head", folder / "model")
        both = head.model.predict(codes, 4, "float32")
        np.testing.assert_allclose(found["both"], both, rtol=1e-5, atol=1e-5, err_msg=folder.name)
        head.model.both_strands = False
        np.testing.assert_allclose(
            found["one"], head.model.predict(codes, 4, "float32"), rtol=1e-5, atol=1e-5, err_msg=folder.name
        )
        # the numbers say something: they differ between sequences and strands
        assert np.ptp(both, axis=0).min() > 1e-3, folder.name
        names = head.target.names
        assert found["id2label"] == {str(number): label for number, label in enumerate(names)}
        assert found["label2id"] == {label: number for number, label in enumerate(names)}
        problems = {"classes": "single_label_", "labels": "multi_label_", "values": "regression"}
        assert found["problem"].startswith(problems[head.target.kind])


@pytest.fixture
def folder(make_genome, tmp_path):
    write_model(tmp_path, make_genome, "convnet", "single")
    write_head(tmp_path, "mean", "full", CLASSES, None)
    return tmp_path


def test_the_card_says_what_it_is_and_how_good_beside_its_baselines(folder):
    export(folder)
    card = (folder / "huggingface/README.md").read_text()
    assert "# t, learnt by m" in card
    assert "on 60 examples. It reads DNA sequences of 48 bases" in card
    assert "`exon`, `5' UTR`, `other`" in card
    assert "| | balanced accuracy | mcc |" in card
    assert "| 0.800 (0.700 to 0.900) | 0.250 |" in card
    assert "| k-mers | n/a | 0.125 |" in card
    assert "from random weights" not in card


def test_the_folder_learns_on(folder):
    export(folder)
    network = GenoglotForSequenceClassification.from_pretrained(folder / "huggingface")
    ids, labels = torch.randint(0, 4, (6, WINDOW)), torch.tensor([0, 1, 2, 0, 1, 2])
    before = network(ids, labels=labels)
    assert torch.allclose(before.loss, torch.nn.functional.cross_entropy(before.logits, labels))
    before.loss.backward()
    trained = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert trained == []


def test_other_lengths_are_refused_in_words(folder):
    export(folder)
    network = GenoglotForSequenceClassification.from_pretrained(folder / "huggingface")
    mask = torch.ones((2, WINDOW), dtype=torch.int64)
    mask[1, 40:] = 0
    with pytest.raises(ValueError, match="sequence 1 of the batch has 40 bases, and this head reads sequences of 48"):
        network(torch.zeros((2, WINDOW), dtype=torch.int64), attention_mask=mask)


def test_what_was_written_otherwise_than_the_head_is_refused(folder, monkeypatch):
    monkeypatch.setattr(exporting, "token_table", lambda encoding: [each * 0 for each in token_table(encoding)])
    monkeypatch.setattr(GenoglotForSequenceClassification, "_check_lengths", lambda *_: None)
    with pytest.raises(InputError, match="gives logits that differ by"):
        export(folder)
    assert not list((folder / "huggingface").iterdir())


def test_heads_of_other_forms_are_refused_in_words(folder):
    head = load_head(folder / "head", folder / "model")
    head.model.target = replace(CLASSES, kind="ranks")
    with pytest.raises(InputError, match="heads of ranks are not exported; those of classes, labels, values are"):
        exporting.exported(head, "m")
    head.model.target = CLASSES
    head.model.network.pairs = torch.nn.Linear(2, 2)
    with pytest.raises(InputError, match=r"the head on m is of a form .*: pairs.bias, pairs.weight"):
        exporting.exported(head, "m")


def test_a_head_on_a_model_of_others_is_refused_in_words(tmp_path):
    import_model(str(dnabert(tmp_path / "theirs")), None, tmp_path / "model", WINDOW)
    write_head(tmp_path, "token", "full", CLASSES, None)
    with pytest.raises(InputError, match=r"BertForSequenceClassification of transformers, .* of another form"):
        export(tmp_path)
