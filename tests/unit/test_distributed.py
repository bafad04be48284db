"""Training shared by processes: Lightning, torchrun or Slurm starts them, and nothing of the result depends on it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import HARDWARE, STEP, curves, record_rows, weights

from genoglot.corpus.batches import TrainingBatches
from genoglot.errors import InputError
from genoglot.training import distribution
from genoglot.training.distribution import Layout
from genoglot.training.heldout import HeldOut, HeldOutTiles

TWO = {**HARDWARE, "devices": 2}
# a step whose parts have other numbers of targets, soft-masked ones with other weights
SETTINGS = {"kind": "convnet", "training": {"max_tokens": 8 * STEP, "validation_windows": 21}}


def finish(process: subprocess.Popen, code: int = 0) -> str:
    said, _ = process.communicate(timeout=180)
    assert process.returncode == code, said
    return str(said)


def rows_drawn(folder: Path) -> dict[int, list[int]]:
    """Training windows of each step, of all processes, in the order of their shares."""
    steps: dict[int, list[int]] = {}
    for file in sorted(folder.glob("rows.*"), key=lambda path: int(path.suffix[1:])):
        # the estimate of memory has looked at a part, which then is drawn again
        drawn = {(step, part): rows for step, part, rows in map(json.loads, file.read_text().splitlines())}
        for (step, _), rows in sorted(drawn.items()):
            steps.setdefault(step, []).extend(rows)
    return steps


def assert_equal_curves(one: Path, other: Path) -> None:
    for split in ("train", "validation"):
        expected, found = curves(one, split), curves(other, split)
        assert found["step"].tolist() == expected["step"].tolist()
        for column in ("bits_per_base", "accuracy"):
            np.testing.assert_allclose(found[column], expected[column], atol=1e-4)


def test_two_processes_do_what_one_does(training_corpus, monkeypatch):
    folders = [training_corpus.folder / name for name in ("rows-one", "rows-two")]
    for folder in folders:
        folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(TrainingBatches, "_windows", TrainingBatches._windows)
        record_rows(folders[0])
        one = training_corpus.train("one", **SETTINGS)
    process = training_corpus.start("two", env={"TINY_ROWS": str(folders[1])}, hardware=TWO, **SETTINGS)
    said = finish(process)
    two = training_corpus.folder / "two"
    assert_equal_curves(one, two)
    expected, found = weights(one), weights(two)
    assert all(np.allclose(found[name], expected[name], atol=1e-4) for name in expected)
    # each window of each step once, by one of the two
    assert len(list(folders[1].glob("rows.*"))) == 2
    drawn = rows_drawn(folders[1])
    assert drawn == rows_drawn(folders[0])
    assert [len(drawn[step]) for step in range(8)] == [8] * 8
    record = json.loads((two / "training.json").read_text())
    assert (record["hardware"]["devices"], record["hardware"]["strategy"]) == (2, "ddp")
    # the second process writes no log, nor says anything
    assert said.count("step 8/8, train") == 1
    assert (training_corpus.folder / "two.log").read_text().count("step 8/8, train") == 1


def test_two_processes_stop_together_and_one_goes_on(training_corpus):
    undisturbed = training_corpus.train("undisturbed", **SETTINGS)
    # the second process gets the signal, and the first must not go on without it
    process = training_corpus.start("two", env={"TINY_SIGNAL": "5@15"}, hardware={**TWO, "accumulate": 2}, **SETTINGS)
    said = finish(process, 143)
    assert re.search(r"SIGTERM after step [567] of 8: the state is saved", said)
    assert not (training_corpus.folder / "two").exists()
    assert_equal_curves(undisturbed, training_corpus.train("two", **SETTINGS))


def test_processes_of_torchrun(training_corpus):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    settings = {"kind": "convnet", "training": {"max_tokens": 2 * STEP}}
    finish(training_corpus.start("torchrun", launcher, hardware={**TWO, "devices": "auto"}, **settings))
    assert_equal_curves(training_corpus.train("one", **settings), training_corpus.folder / "torchrun")


SRUN = """\
#!{python}
# starts the tasks of a step as Slurm does, all on this machine, one for each node
import os, subprocess, sys
options = [word for word in sys.argv[1:] if word.startswith("--")]
assert {{"--nodes=2", "--ntasks=2", "--cpus-per-task=1"}} <= set(options)
command = sys.argv[1 + len(options):]
step = {{"SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_NNODES": "2", "SLURM_NODELIST": "localhost"}}
tasks = [
    subprocess.Popen(command, env={{**os.environ, **step, "SLURM_PROCID": n, "SLURM_NODEID": n, "SLURM_LOCALID": "0"}})
    for n in "01"
]
sys.exit(max(task.wait() for task in tasks))
"""


def test_a_job_of_slurm_on_two_nodes(training_corpus, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "srun").write_text(SRUN.format(python=sys.executable))
    (programs / "srun").chmod(0o755)
    # what the job's only process finds
    env = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_NTASKS": "1",
        "SLURM_STEP_NUM_TASKS": "1",
    }
    settings = {"kind": "convnet", "training": {"max_tokens": 2 * STEP}}
    said = finish(training_corpus.start("slurm", env=env, hardware={"nodes": 2}, **settings))
    assert "scontrol" not in said
    assert_equal_curves(training_corpus.train("one", **settings), training_corpus.folder / "slurm")


@pytest.fixture
def gpus(monkeypatch):
    """Have the layout believe in a number of GPUs."""

    def believe(number: int) -> None:
        kind = "cuda" if number else "cpu"
        monkeypatch.setattr(distribution, "device", lambda: torch.device(kind))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)

    return believe


def test_layouts(monkeypatch, gpus):
    gpus(0)
    assert Layout.of({**HARDWARE, "devices": "auto"}) == Layout(1, 1, "single", "lightning", 0)
    with pytest.raises(InputError, match="this machine has none; use ddp"):
        Layout.of({**HARDWARE, "strategy": "fsdp"})
    with pytest.raises(InputError, match="2 nodes were asked for, and one process was started"):
        Layout.of({**HARDWARE, "nodes": 2})
    gpus(4)
    assert Layout.of({**HARDWARE, "devices": "auto", "strategy": "fsdp"}) == Layout(4, 1, "fsdp", "lightning", 0)
    with pytest.raises(InputError, match="8 GPUs are asked for, and this machine offers 4"):
        Layout.of({**HARDWARE, "devices": 8})
    # the second of two tasks, one for each node, of which each starts three processes more
    slurm = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_NODEID": "1", "SLURM_PROCID": "1", "SLURM_JOB_ID": "123456"}
    for name, value in {**slurm, "SLURM_NODELIST": "node[07-08]"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT"):
        # to be set by what is tested, and not to outlast it
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    layout = Layout.of({**HARDWARE, "devices": 4, "nodes": 2})
    assert layout == Layout(4, 2, "ddp", "lightning", 4)
    assert not layout.is_child
    assert (os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]) == ("node07", "18456")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert Layout.of({**HARDWARE, "devices": 4, "nodes": 2}) == Layout(4, 2, "ddp", "lightning", 6)
    # a task for each device
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert Layout.of({**HARDWARE, "devices": "auto", "nodes": 2}) == Layout(4, 2, "ddp", "slurm", 1)
    with pytest.raises(InputError, match="are 4 processes, but slurm started 8"):
        Layout.of({**HARDWARE, "devices": 2, "nodes": 2})


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_held_out_tiles_are_shared_without_loss(ranks):
    codes = np.arange(7 * 4, dtype=np.uint8).reshape(7, 4)
    tiles = HeldOut(codes, codes % 3 == 0, codes.astype(np.int8))
    shares = [HeldOutTiles(tiles, 2, rank, ranks) for rank in range(ranks)]
    assert len({len(share) for share in shares}) == 1
    batches = [batch for share in shares for batch in share]
    assert all(batch.codes.shape == (2, 4) for batch in batches)
    found = np.concatenate([batch.codes[batch.chosen] for batch in batches])
    assert sorted(found) == sorted(codes[codes % 3 == 0])
    labelled = np.concatenate([batch.regions[batch.regions >= 0] for batch in batches])
    assert sorted(labelled) == sorted(codes.reshape(-1))
