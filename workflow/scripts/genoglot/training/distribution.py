"""How training is shared by processes: how many there are, who starts them, and how they exchange gradients.

On each node Lightning starts the other processes itself, by running the script again; or torchrun or Slurm (`srun`)
starts all of them. Slurm is never asked to requeue a job: that is for the workflow, or whoever submitted it.
"""

import os
import sys
from dataclasses import dataclass
from typing import Any

import torch
from lightning.fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy
from torch import nn

from genoglot.errors import InputError
from genoglot.model.hardware import device

STRATEGIES = ("auto", "ddp", "fsdp")


@dataclass(frozen=True)
class Layout:
    """Processes that train one model together.

    Attributes:
        devices: processes on each of `nodes`, each with a GPU of its own or a share of the CPU.
        strategy: "single" (one process), "ddp" (a copy of the model in each) or "fsdp" (a share of it in each).
        launcher: who starts the processes: "lightning", "torchrun" or "slurm".
        rank: number of this process among all, from 0.
    """

    devices: int
    nodes: int
    strategy: str
    launcher: str
    rank: int

    @property
    def ranks(self) -> int:
        """Number of processes."""
        return self.devices * self.nodes

    @property
    def is_child(self) -> bool:
        """Whether another process of this script started this one and watches over it."""
        return self.launcher == "lightning" and self.rank % self.devices > 0

    def describe(self) -> dict[str, Any]:
        """What `training.json` says of it."""
        name = torch.cuda.get_device_name() if device().type == "cuda" else "cpu"
        return {"device": name, "devices": self.devices, "nodes": self.nodes, "strategy": self.strategy}

    @classmethod
    def of(cls, hardware: dict[str, Any]) -> "Layout":
        """From the settings `devices`, `nodes` and `strategy`, and from what launchers say in the environment.

        Raises:
            InputError: devices that are not there, another number of processes than a launcher started, or a strategy
                that the devices do not have.
        """
        gpus = torch.cuda.device_count() if device().type == "cuda" else 0
        launcher, started = _launcher()
        nodes, devices = hardware["nodes"], hardware["devices"]
        if devices == "auto":
            devices = max(1, gpus) if started == nodes else max(1, started // nodes)
        if gpus and devices > gpus:
            raise InputError(f"hardware.devices: {devices} GPUs are asked for, and this machine offers {gpus}")
        if launcher == "slurm" and started == nodes < devices * nodes:
            # one task a node, which starts the others there
            _tell_lightning()
            launcher = "lightning"
        if launcher == "lightning" and nodes > 1 and not {"NODE_RANK", "MASTER_ADDR"} <= set(os.environ):
            raise InputError(
                f"hardware.nodes: {nodes} nodes were asked for, and one process was started; start one on each node "
                "with srun, or with NODE_RANK, MASTER_ADDR and MASTER_PORT set, or one for each device with torchrun"
            )
        if launcher != "lightning" and started != devices * nodes:
            raise InputError(
                f"hardware: {devices} devices on each of {nodes} nodes are {devices * nodes} processes, but {launcher} "
                f"started {started}; start as many, or set devices: auto"
            )
        strategy = _strategy(hardware["strategy"], devices * nodes, gpus)
        return cls(devices, nodes, strategy, launcher, _rank(launcher, devices))

    def trainer_arguments(self, network: nn.Module) -> dict[str, Any]:
        """What a `lightning.Trainer` is told; blocks of `network` are the units that "fsdp" shares out."""
        strategy: Any = "auto"
        if self.strategy == "ddp":
            backend = "nccl" if device().type == "cuda" else "gloo"
            strategy = DDPStrategy(process_group_backend=backend, gradient_as_bucket_view=True)
        elif self.strategy == "fsdp":
            stacks = (module for module in network.modules() if isinstance(module, nn.ModuleList))
            blocks = {type(block) for stack in stacks for block in stack}
            strategy = FSDPStrategy(auto_wrap_policy=blocks, state_dict_type="full")
        return {
            "accelerator": "gpu" if device().type == "cuda" else "cpu",
            "devices": self.devices,
            "num_nodes": self.nodes,
            "strategy": strategy,
            "plugins": [self._environment()],
            "use_distributed_sampler": False,
        }

    def _environment(self) -> ClusterEnvironment:
        if self.launcher == "torchrun":
            return TorchElasticEnvironment()
        if self.launcher == "slurm":
            # srun leaves it unset unless it is told it, and Lightning refuses to do without
            os.environ.setdefault("SLURM_NTASKS_PER_NODE", str(self.devices))
            return SLURMEnvironment(auto_requeue=False)
        return LightningEnvironment()


def _launcher() -> tuple[str, int]:
    """Who started the processes, and how many."""
    if torch.distributed.is_available() and torch.distributed.is_torchelastic_launched():
        return "torchrun", int(os.environ["WORLD_SIZE"])
    # tasks of the step that runs this process, not those that a job could have
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    return ("slurm", tasks) if tasks > 1 else ("lightning", 1)


def _rank(launcher: str, devices: int) -> int:
    """Number of this process among all."""
    if launcher == "lightning":
        return int(os.environ.get("NODE_RANK", 0)) * devices + int(os.environ.get("LOCAL_RANK", 0))
    return int(os.environ["RANK" if launcher == "torchrun" else "SLURM_PROCID"])


def _tell_lightning() -> None:
    """Say in the environment what Slurm says there, in the words of Lightning."""
    slurm = SLURMEnvironment
    os.environ.setdefault("NODE_RANK", os.environ["SLURM_NODEID"])
    os.environ.setdefault("MASTER_ADDR", slurm.resolve_root_node_address(os.environ["SLURM_NODELIST"]))
    # one that other jobs on these nodes do not have
    os.environ.setdefault("MASTER_PORT", str(15000 + int(os.environ["SLURM_JOB_ID"]) % 10000))


def start_on_all_nodes(nodes: int, threads: int) -> None:
    """In a job of Slurm on several nodes, of which this is the only process, run the script as a task on each node.

    `srun` takes the place of this process, hands signals on to the tasks, and ends as they do. Each task has `threads`
    processors: `srun` does not take their number from the job.
    """
    if nodes > 1 and "SLURM_JOB_ID" in os.environ and _launcher() == ("lightning", 1):
        options = ["--overlap", "--kill-on-bad-exit=1", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
        options.append(f"--cpus-per-task={threads}")
        os.execvp("srun", ["srun", *options, sys.executable, *sys.argv])


def _strategy(wanted: str, ranks: int, gpus: int) -> str:
    if wanted not in STRATEGIES:
        raise InputError(f"hardware.strategy {wanted!r} is not one of {', '.join(STRATEGIES)}")
    if wanted == "fsdp" and not gpus:
        raise InputError("hardware.strategy: fsdp shares a model out among GPUs, and this machine has none; use ddp")
    if wanted == "fsdp":
        return wanted
    return "ddp" if ranks > 1 else "single"
