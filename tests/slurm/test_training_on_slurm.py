"""Trainings that lose their machine, or have several: what Slurm allots, starts, ends and starts again."""

import json
import os
import re
import signal
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from cluster import Cluster, Job, wait_until
from clustered import Submitted, submit
from safetensors.numpy import load_file
from tiny_study import TRAINING, Study

# steps of four windows
STEPS, CHECKPOINT = 60, 5
LONG = {
    **TRAINING, "max_tokens": STEPS * 512, "batch_tokens": 512, "checkpoint_every": CHECKPOINT, "validate_every": 20,
    "log_every": 2,
}  # fmt: skip
# random numbers of dropout are part of the state
ARCHITECTURE = {"dim": 16, "layers": 2, "dropout": 0.1}
HARDWARE = {
    **{name: {} for name in ("undisturbed", "asked", "told", "killed", "requeued")},
    "both": {"devices": 2},
    "pair": {"nodes": 2},
}


def ask(cluster: Cluster, job: Job) -> None:
    """The steps of a job are told to end, as by the signal that Slurm sends before the time is up."""
    cluster.call("scancel", "--signal=TERM", job.id)


def tell(cluster: Cluster, job: Job) -> None:
    """All of a job is told to end, by a user."""
    cluster.call("scancel", "--signal=TERM", "--full", job.id)


def kill(cluster: Cluster, job: Job) -> None:
    """All processes of the step die at once, as when the kernel is short of memory."""
    processes = cluster.processes(job.id)
    assert processes
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)


def requeue(cluster: Cluster, job: Job) -> None:
    """The job is put back into the queue, as Slurm does when it preempts one or its node reboots."""
    cluster.call("scontrol", "requeue", job.id)


DISTURBANCES = {"asked": ask, "told": tell, "killed": kill, "requeued": requeue}


class Ranks(threading.Thread):
    """Sees which processes train, for as long as a run lasts."""

    def __init__(self, run: Submitted):
        super().__init__(daemon=True)
        self.submitted = run
        # of each job, the environment of each process
        self.seen: dict[str, dict[int, dict[str, str]]] = {}

    def run(self) -> None:
        while self.submitted.process.poll() is None:
            for process in self.submitted.cluster.scripts("pretrain_model"):
                job = self.seen.setdefault(process.env["SLURM_JOB_ID"], {})
                # what loads data for a process is a copy of it
                if job.get(process.parent) != process.env:
                    job.setdefault(process.pid, process.env)
            time.sleep(0.2)

    def of(self, job: Job) -> list[tuple[str, str, str, str]]:
        """Each process of a job: its node, its number among Slurm's tasks and Lightning's, and its GPUs."""
        names = {"SLURMD_NODENAME": "", "SLURM_PROCID": "", "LOCAL_RANK": "0", "CUDA_VISIBLE_DEVICES": ""}
        processes = self.seen.get(job.id, {}).values()
        return sorted(tuple(env.get(name, default) for name, default in names.items()) for env in processes)


@dataclass
class Trained:
    """A run of all trainings."""

    run: Submitted
    ranks: Ranks

    @property
    def study(self) -> Study:
        return self.run.study

    def jobs(self, name: str) -> list[Job]:
        """Jobs of a training."""
        return self.run.jobs(f"rule_pretrain_model_wildcards_{name}")

    def log(self, name: str) -> str:
        path = self.study / f"logs/pretrain_model/{name}.log"
        return path.read_text() if path.exists() else ""

    def step(self, name: str) -> int:
        """The last step that a training's log speaks of."""
        return max(map(int, re.findall(r"step (\d+)/\d+, train", self.log(name))), default=0)

    def weights(self, name: str) -> dict[str, np.ndarray]:
        return load_file(self.study / f"results/models/{name}/model.safetensors")

    def record(self, name: str) -> dict:
        return json.loads((self.study / f"results/models/{name}/training.json").read_text())


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Whether two models have the same weights, bit for bit."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def trained(whole, cluster, tmp_path_factory) -> Trained:
    """The same training in several ways at the same time, four of them disturbed in the middle."""
    study = whole.study.copy(tmp_path_factory.mktemp("trained"))
    shared = {"corpus": "tiny", "architecture": ARCHITECTURE, "seed": 3, "training": LONG}
    models = {name: {**shared, "hardware": hardware} for name, hardware in HARDWARE.items()}
    study.configure(models=models, tasks={}, tokenizers={})
    targets = [f"results/models/{name}/model.safetensors" for name in models]
    # Slurm refuses a kind of GPU in one place and none in another, where several nodes are to give as many
    kind = "pretrain_model:gpu_model='a100' if wildcards.model == 'both' else ''"
    settings = ("--set-threads", "pretrain_model=1", "--set-resources", kind)
    run = submit(study, cluster, *settings, "--", *targets)
    ranks = Ranks(run)
    ranks.start()
    result = Trained(run, ranks)
    waiting = dict(DISTURBANCES)

    def disturb() -> bool:
        for name in list(waiting):
            if result.step(name) > CHECKPOINT:
                waiting.pop(name)(cluster, result.jobs(name)[0])
        return not waiting or run.process.poll() is not None

    try:
        wait_until(disturb, "four trainings have begun", 180)
        run.finish(240)
    finally:
        run.process.kill()
    return result


@pytest.mark.parametrize(
    ("name", "jobs", "restarts"), [("asked", 2, 0), ("told", 2, 0), ("killed", 2, 0), ("requeued", 1, 1)]
)
def test_a_training_that_lost_its_machine_goes_on_to_the_same_model(trained, name, jobs, restarts):
    submitted = trained.jobs(name)
    assert [job.state for job in submitted] == ["FAILED"] * (jobs - 1) + ["COMPLETED"]
    assert submitted[-1].fields["Restarts"] == str(restarts)
    # the log is that of the last try
    step = int(re.search(r"going on from step (\d+);", trained.log(name))[1])
    assert CHECKPOINT <= step < STEPS
    assert "going on" not in trained.log("undisturbed")
    assert same(trained.weights(name), trained.weights("undisturbed"))
    assert trained.record(name)["steps"] == STEPS


def test_a_signal_reaches_the_training_which_loses_nothing(trained):
    """Through `srun`, Snakemake and bash."""
    first, _ = trained.jobs("asked")
    [said] = (trained.study / "logs/slurm").rglob(f"{first.id}.log")
    step = re.search(rf"told to stop by SIGTERM after step (\d+) of {STEPS}: the state is saved", said.read_text())[1]
    assert f"going on from step {step};" in trained.log("asked")


def test_no_state_is_left_of_what_has_ended(trained):
    assert not list((trained.study / "results/models/.state").iterdir())


def test_two_tasks_are_two_ranks_once(trained):
    [job] = trained.jobs("pair")
    assert (job.state, job.fields["NumNodes"], job.fields["NumTasks"]) == ("COMPLETED", "2", "2")
    ranks = trained.ranks.of(job)
    assert [rank[:3] for rank in ranks] == [("node1", "0", "0"), ("node2", "1", "0")]
    assert [len(gpus.split(",")) for *_, gpus in ranks] == [1, 1]
    record = trained.record("pair")["hardware"]
    assert (record["devices"], record["nodes"], record["strategy"]) == (1, 2, "ddp")
    assert trained.log("pair").count(f"step {STEPS}/{STEPS}, train") == 1


def test_two_devices_are_two_ranks_of_one_task(trained):
    [job] = trained.jobs("both")
    assert (job.state, job.fields["NumNodes"], job.fields["NumTasks"]) == ("COMPLETED", "1", "1")
    node, _, _, gpus = trained.ranks.of(job)[0]
    assert trained.ranks.of(job) == [(node, "0", "0", gpus), (node, "0", "1", gpus)]
    assert len(gpus.split(",")) == 2
    # two ranks do the same wherever they are
    assert same(trained.weights("both"), trained.weights("pair"))


def test_one_device_is_one_process(trained):
    [job] = trained.jobs("undisturbed")
    assert [process[1:3] for process in trained.ranks.of(job)] == [("0", "0")]


def test_slurm_gives_the_gpus_that_the_hardware_names(trained):
    given = {name: [job.gpus for job in trained.jobs(name)] for name in HARDWARE}
    one = {"TresPerJob": "gres:gpu:1"}
    assert given == {
        "undisturbed": [one], "asked": [one, one], "told": [one, one], "killed": [one, one], "requeued": [one],
        "both": [{"TresPerJob": "gres:gpu:a100:2"}],
        "pair": [{"TresPerJob": "gres:gpu:2", "TresPerNode": "gres:gpu:1"}],
    }  # fmt: skip


def test_a_gpu_that_torch_cannot_use_is_said(trained):
    assert "there is a GPU here, and this job computes on the CPU" in trained.log("undisturbed")
