"""The container recipe: read as Docker reads it, so far as that needs no Docker; what it copies is there."""

import re
import shlex
import subprocess
import sys

import yaml
from tiny_study import ROOT

INSTRUCTIONS = {"FROM", "ARG", "RUN", "COPY", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Pairs of an instruction and its argument, lines that go on joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def arguments(name: str) -> list[str]:
    return [argument for instruction, argument in instructions() if instruction == name]


def copied() -> dict[str, str]:
    """Where each file or folder that is copied comes to lie."""
    found = {}
    for argument in arguments("COPY"):
        *sources, target = shlex.split(argument)
        for source in sources:
            found[source] = target.rstrip("/") + ("" if (ROOT / source).is_dir() else f"/{source}")
    return found


def test_it_begins_with_a_plain_base_of_the_python_of_the_environments():
    assert instructions()[0][0] == "FROM"
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    version = re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", arguments("FROM")[0]).group(1)
    dependencies = yaml.safe_load((ROOT / "envs/genomics.yaml").read_text())["dependencies"]
    assert f"python ={version}" in dependencies


def test_every_command_is_one_that_a_shell_can_read():
    for command in arguments("RUN"):
        subprocess.run(["sh", "-n", "-c", command], check=True)


def test_what_is_copied_exists_and_is_let_into_the_context():
    ignored, *allowed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] in "*!"]
    assert ignored == "*"
    assert all((ROOT / source).exists() for source in copied())
    assert {f"!{source}" for source in copied()} == {line for line in allowed if line[0] == "!"}


def test_what_is_copied_is_enough_for_the_demo(tmp_path):
    """The files laid out as in the image, and the demo planned from there in an empty folder."""
    for source, target in copied().items():
        place = tmp_path / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-R", ROOT / source, place], check=True)
    image = tmp_path / "opt/genoglot"
    command = [sys.executable, "-m", "snakemake", "--snakefile", image / "Snakefile", "--dry-run", "--cores", "1"]
    run = subprocess.run(command, cwd=image, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert run.returncode == 0, run.stdout
    assert re.search(r"^pretrain_model +1$", run.stdout, re.M)
    assert "rerun-triggers" in (image / "profiles/default/config.yaml").read_text()
