"""What is done and what is left, asked of the tiny study before, in the middle and after."""

import shutil
import subprocess
import sys

from tiny_study import ROOT, Study

KINDS = ["genomes", "corpora", "tokenizers", "models", "sweeps", "embeddings", "tasks", "variants", "report"]


def status(study: Study, *arguments: str) -> dict[str, list[str]]:
    """The fields of the line of each kind."""
    command = [sys.executable, ROOT / "workflow/status.py", "--configfile", "config.yaml", *arguments]
    run = subprocess.run(command, cwd=study.folder, text=True, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    header, *lines = run.stdout.splitlines()
    assert header.split() == ["done", "to", "do"]
    return {line.split()[0]: line.split(maxsplit=3)[1:] for line in lines}


def test_before_anything_ran(inputs):
    found = status(inputs)
    assert list(found) == KINDS
    assert {fields[0] for fields in found.values()} == {"0"}
    assert found["models"] == ["0", "2", "small, trial-decoder"]
    assert found["embeddings"] == ["0", "1", "toy/small"]


def test_when_all_is_done(finished):
    assert {tuple(fields[1:]) for fields in status(finished).values()} == {("0",)}


def test_in_the_middle(finished, tmp_path):
    study = finished.copy(tmp_path)
    for name in ("models/trial-decoder", "sweeps/trial"):
        shutil.rmtree(study / "results" / name)
    (study / "results/report.html").unlink()
    checkpoint = study / "results/models/.state/trial-decoder/last.ckpt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.touch()
    found = status(study)
    assert found["models"] == ["1", "1", "trial-decoder (goes on from a checkpoint)"]
    assert found["sweeps"] == ["0", "1", "trial"]
    assert found["report"] == ["0", "1"]
    assert found["genomes"] == found["corpora"] == ["1", "0"]
    assert found["variants"] == ["2", "0"]


def test_a_mistake_is_said(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    study.configure(sead=3)
    command = [sys.executable, ROOT / "workflow/status.py", "--configfile", "config.yaml"]
    run = subprocess.run(command, cwd=study.folder, text=True, capture_output=True, check=False)
    assert run.returncode != 0
    assert "did you mean seed?" in run.stderr
