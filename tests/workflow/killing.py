"""Runs that are killed in the middle, and the run that goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tiny_study import ROOT, Study


def kill_when(study: Study, target: str, condition) -> None:
    """Start a run, and kill everything of it by SIGKILL as soon as `condition` holds."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", "config.yaml"]
    process = subprocess.Popen(
        [*command, "--cores", "2", target], cwd=study.folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def go_on(study: Study, target: str) -> str:
    """Run again after a kill; return what Snakemake said."""
    assert study.snakemake("--unlock").returncode == 0
    run = study.snakemake("--rerun-incomplete", target)
    assert run.returncode == 0, run.stdout
    assert list((study / "results").rglob("*partial*")) == []
    return run.stdout


def partial(folder: Path, name: str):
    """Whether a file of this name has been begun."""
    return lambda: any(path.stat().st_size > 0 for path in folder.glob(f".partial-*-{name}"))
