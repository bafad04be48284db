"""A Slurm cluster of two nodes on this machine, which a test starts and stops: munged, slurmctld and two slurmd.

Nothing of it is installed or outlives the test, even one that is killed: configuration, keys, spool and logs lie in one
folder, the daemons listen on ports that are free, and a guard ends all that runs when the test ends. The nodes claim
processors, memory and GPUs that the machine has not (`config_overrides`), so that what a job asks for decides.
"""

import contextlib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
NODES = ("node1", "node2")
MINUTE = 60

CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# credentials are short-lived, since a job that is requeued waits until those of its first run have expired
AuthInfo=socket={folder}/munge/socket,cred_expire=5
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
# no control groups: they are not a container's to give
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
MinJobAge=86400
KillWait=20
ReturnToService=2
MpiDefault=none
GresTypes=gpu
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = """\
NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=32 RealMemory=256000 Gres=gpu:a100:{gpus}
"""

# what a GPU is to Slurm is a device file, and these are on every machine
DEVICES = ("null", "zero", "full", "random")

# the plugin takes all variables of Slurm, and with them the way to an unusual configuration, from what it starts
SRUN = """\
#!/bin/sh
SLURM_CONF={config} exec {srun} "$@"
"""


def missing() -> str:
    """What keeps a cluster from being started here, and what to do; empty if nothing does."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if not absent:
        return ""
    return (
        f"Slurm is not installed here (no {', '.join(absent)}): on Debian or Ubuntu, `make test` as root installs it, "
        "or `sudo apt-get install slurm-wlm munge`"
    )


def search_path() -> str:
    """PATH, with the folders of daemons, which users do not have on theirs."""
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until(condition: Callable[[], object], what: str, seconds: float = MINUTE) -> None:
    """Wait until something holds, and fail, saying what was waited for, if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain until {what}"
        time.sleep(0.1)


@dataclass
class Job:
    """What the controller knows of a job: the fields of `scontrol show job`, by their names there."""

    fields: dict[str, str]

    @property
    def id(self) -> str:
        return self.fields["JobId"]

    @property
    def state(self) -> str:
        return self.fields["JobState"]

    @property
    def comment(self) -> str:
        """What the plugin says a job is: `rule_RULE`, and `_wildcards_` with their values if the rule has some."""
        return self.fields.get("Comment", "")

    @property
    def gpus(self) -> dict[str, str]:
        """GPUs that it was given, of the job or of each node."""
        return {name: value for name, value in self.fields.items() if name.startswith("TresPer") and "gpu" in value}


@dataclass(frozen=True)
class Process:
    """A process of this machine, with the environment that it was started with."""

    pid: int
    parent: int
    command: tuple[str, ...]
    env: dict[str, str]


def _processes() -> Iterator[Process]:
    """Those that may be looked at."""
    for folder in Path("/proc").glob("[0-9]*"):
        # they may end in the meantime
        with contextlib.suppress(OSError):
            entries = (folder / "environ").read_text(errors="replace").split("\0")
            command = (folder / "cmdline").read_text(errors="replace").split("\0")[:-1]
            parent = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
            env = dict(entry.split("=", 1) for entry in entries if "=" in entry)
            yield Process(int(folder.name), parent, tuple(command), env)


@dataclass
class Cluster:
    """The daemons, and what their clients are told."""

    folder: Path
    daemons: list[subprocess.Popen] = field(default_factory=list)
    guard: subprocess.Popen | None = None

    @property
    def env(self) -> dict[str, str]:
        """Environment in which commands speak to this cluster, and to no other in whose job the tests may run."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        path = f"{self.folder / 'bin'}:{search_path()}"
        # the nodes' names are not those of machines, and both are this one
        return {**outside, "PATH": path, "SLURM_CONF": str(self.folder / "slurm.conf"), "MASTER_ADDR": "127.0.0.1"}

    def call(self, *command: str) -> str:
        """What a command of Slurm says."""
        run = subprocess.run(command, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert run.returncode == 0, f"{' '.join(command)}: {run.stdout}"
        return run.stdout

    def jobs(self) -> list[Job]:
        """All jobs that the cluster has or has had."""
        lines = self.call("scontrol", "show", "job", "--oneliner", "--all").splitlines()
        return [Job(dict(re.findall(r"(\S+?)=(\S*)", line))) for line in lines if line.startswith("JobId=")]

    def completed(self) -> dict[str, str]:
        """State in which each job ended, from the log of completed jobs; the last, if it was requeued."""
        path = self.folder / "completed.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        records = (dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines)
        return {record["JobId"]: record["JobState"] for record in records}

    def processes(self, job: str) -> list[Process]:
        """What runs of the steps of a job that `srun` started, on both nodes."""
        return [each for each in _processes() if each.env.get("SLURM_JOB_ID") == job and "SLURM_STEP_ID" in each.env]

    def scripts(self, rule: str) -> list[Process]:
        """Pythons that run the script of a rule in a step of any job."""
        return [
            each
            for each in _processes()
            if "SLURM_STEP_ID" in each.env and each.command[-1:] and each.command[-1].endswith(f".{rule}.py")
            if Path(each.command[0]).name.startswith("python")
        ]

    def _launch(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.out", "w") as log:
            daemon = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.daemons.append(daemon)

    def start(self) -> None:
        """Write the configuration, start the daemons, and wait until both nodes are idle."""
        # in a session of its own, where no signal to the tests reaches it
        self.guard = subprocess.Popen(
            [sys.executable, __file__, str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        munge = self.folder / "munge"
        for folder in (munge, self.folder / "state", self.folder / "bin"):
            folder.mkdir(mode=0o755)
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        host = socket.gethostname().split(".")[0]
        controller, *ports = free_ports(1 + len(NODES))
        text = CONFIG.format(host=host, user=getpass.getuser(), folder=self.folder, controller=controller)
        for name, port in zip(NODES, ports, strict=True):
            text += NODE.format(name=name, host=host, port=port, gpus=len(DEVICES))
        (self.folder / "slurm.conf").write_text(text)
        nodes = ",".join(NODES)
        gres = [f"NodeName={nodes} Name=gpu Type=a100 File=/dev/{device}\n" for device in DEVICES]
        (self.folder / "gres.conf").write_text("".join(gres))
        wrapper = self.folder / "bin/srun"
        wrapper.write_text(
            SRUN.format(config=self.folder / "slurm.conf", srun=shutil.which("srun", path=search_path()))
        )
        wrapper.chmod(0o755)
        options = [f"--{name}={munge / name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
        self._launch("munged", "munged", "--foreground", "--force", f"--key-file={munge / 'key'}", *options)
        wait_until((munge / "socket").exists, "munged listens")
        self._launch("slurmctld", "slurmctld", "-D")
        wait_until(self._answers, "slurmctld answers")
        for name in NODES:
            self._launch(name, "slurmd", "-D", "-N", name)
        wait_until(self._ready, f"both nodes are idle ({self.folder})")

    def _answers(self) -> bool:
        """Whether all daemons live and the controller answers."""
        for daemon in self.daemons:
            assert daemon.poll() is None, f"{daemon.args} has ended; its words are in {self.folder}"
        return subprocess.run(["scontrol", "ping"], env=self.env, capture_output=True).returncode == 0

    def _ready(self) -> bool:
        return self._answers() and self.call("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle"] * len(
            NODES
        )

    def stop(self) -> None:
        """End all jobs and daemons, and whatever they have left."""
        if self.guard is not None:
            self.guard.communicate()
        for daemon in self.daemons:
            daemon.wait()


def end(folder: Path) -> None:
    """End whatever runs with the configuration in a folder: jobs first, then what is left of them, and the daemons."""
    env = Cluster(folder).env
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=env, timeout=10, capture_output=True)
    for signum in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 5
        while left := [each.pid for each in _processes() if each.env.get("SLURM_CONF") == env["SLURM_CONF"]]:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signum)
            time.sleep(0.5)
            if time.monotonic() > deadline:
                break


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster for as long as the context lasts, or the process that it is in."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


if __name__ == "__main__":
    # the guard: its input ends with whoever started it, in whatever way that ended
    sys.stdin.read()
    end(Path(sys.argv[1]))
