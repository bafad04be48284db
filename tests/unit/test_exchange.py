"""A model folder where Genoglot is not installed: transformers alone reads it, and gives the same logits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_models import random_network
from tiny_tokens import tiny_encoding

from genoglot.model.folder import save_model
from genoglot.model.language_model import load_language_model

PROGRAM = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
assert not any("genoglot" in path for path in sys.path)
results = {}
for name, causal in json.loads(sys.argv[1]).items():
    kind = AutoModelForCausalLM if causal else AutoModelForMaskedLM
    model = kind.from_pretrained(name, trust_remote_code=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=True)
    inputs = tokenizer("acGTNACGGATTRTACCAT", return_tensors="pt")
    with torch.no_grad():
        logits = model(inputs["input_ids"]).logits
        masked = model(inputs["input_ids"], attention_mask=torch.ones_like(inputs["input_ids"])).logits
    results[name] = [inputs["input_ids"][0].tolist(), logits[0].tolist(), masked[0].tolist()]
print(json.dumps(results))
"""
MODELS = {
    "cloze": ("cloze", "single"),
    "convnet": ("convnet", "kmer"),
    "encoder": ("encoder", "bpe"),
    "decoder": ("decoder", "single"),
    "hyena": ("hyena", "blocks"),
}


@pytest.fixture
def folders(make_genome, tmp_path) -> dict[str, Path]:
    for name, (architecture, kind) in MODELS.items():
        encoding = tiny_encoding(kind, make_genome, tmp_path)
        network = random_network(architecture, encoding)
        # byte pairs are learnt: their files are copied from where they were written
        source = encoding if kind != "bpe" else Path(encoding.path).parent
        save_model(network, source, tmp_path / name, 48)
    return {name: tmp_path / name for name in MODELS}


def test_transformers_alone_gives_the_same_logits(folders, tmp_path):
    asked = json.dumps({name: name == "decoder" for name in folders})
    home = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, asked], cwd=tmp_path, env=home, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    for name, folder in folders.items():
        model = load_language_model(folder)
        ids, logits, masked = found[name]
        with torch.no_grad():
            expected = model.network.logits(torch.tensor([ids]))[0]
        torch.testing.assert_close(torch.tensor(logits), expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(torch.tensor(masked), expected, rtol=0, atol=1e-5)


def test_a_causal_model_generates(make_genome, tmp_path):
    network = random_network("decoder", tiny_encoding("single", make_genome, tmp_path))
    start = torch.randint(0, 4, (2, 10), generator=torch.Generator().manual_seed(0))
    expected = start
    for _ in range(6):
        with torch.no_grad():
            expected = torch.cat([expected, network.logits(expected)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(network.generate(start, max_new_tokens=6, do_sample=False), expected)
    sampled = network.generate(start, max_new_tokens=6, do_sample=True)
    assert sampled.shape == (2, 16)
    assert sampled.max() < 4
