"""Snakemake run on a study with the profile for Slurm, as a user does it, and the jobs that it submits."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster, Job
from tiny_study import CONFIG, ROOT, Study

# what differs from a user's command line: there is no accounting database, and a test is in a hurry
HURRY = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5")
# and it reads the logs of jobs that went well
LOGS = ("--slurm-keep-successful-logs",)

CHUNKS = 2
# the tiny study without its sweep
WHOLE = {
    "models": {"small": CONFIG["models"]["small"]},
    "tokenizers": {},
    "scoring": {**CONFIG["scoring"], "chunks": CHUNKS},
}


@dataclass
class Submitted:
    """A run of Snakemake that submits its jobs to a cluster."""

    study: Study
    cluster: Cluster
    process: subprocess.Popen
    said: str  # name of the file that has what it says

    @property
    def output(self) -> str:
        return (self.study / self.said).read_text()

    def jobs(self, comment: str = "") -> list[Job]:
        """Its jobs in the order of their submission; those of a rule, or of a rule and its wildcards, alone."""
        name = re.search(r"SLURM run ID: (\S+)", self.output)
        jobs = [job for job in self.cluster.jobs() if name and job.fields["JobName"] == name[1]]
        return sorted((job for job in jobs if job.comment.startswith(comment)), key=lambda job: int(job.id))

    def finish(self, seconds: float = 600) -> None:
        """Wait for its end, which must be a success."""
        try:
            code = self.process.wait(seconds)
        finally:
            self.process.kill()
        assert code == 0, self.output


def submit(study: Study, cluster: Cluster, *arguments: str, output: str = "snakemake.out") -> Submitted:
    """Begin a run with `profiles/slurm`."""
    command = [sys.executable, str(Path(__file__).with_name("impatient.py")), "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "config.yaml", "--profile", str(ROOT / "profiles/slurm")]
    command += [*HURRY, *LOGS, *arguments]
    with open(study / output, "w") as said:
        process = subprocess.Popen(
            command, cwd=study.folder, env=cluster.env, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    return Submitted(study, cluster, process, output)
