"""What runs again when something changes, as docs/reruns.md tells it: its table is what these tests compare with."""

import os
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_study import CONFIG, ROOT, TARGETS, Study

DOCUMENT = ROOT / "docs/reruns.md"
LOCAL_PROFILE = ROOT / "workflow/profiles/default/config.yaml"


def table() -> dict[str, str]:
    """The rows of the page's table: what changes, and what runs, as written."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", DOCUMENT.read_text(), re.M)
    return dict(row for row in rows if row[0] != "what changes" and not set(row[0]) <= {"-", " "})


def told(cell: str, everything: dict[str, int]) -> dict[str, int]:
    """Jobs of each rule that a cell of the table names."""
    if cell == "nothing":
        return {}
    if cell == "everything":
        return everything
    named = re.findall(r"`(\w+)`(?: \((\d+)\))?", cell)
    return {rule: int(number or 1) for rule, number in named}


def of_workflow(study: Study, path: str) -> None:
    """A copy of the workflow beside the study, with a comment more in one of its files."""
    (study / "genoglot").mkdir()
    for name in ("Snakefile", "workflow", "envs"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, study / "genoglot" / name)
    with open(study / "genoglot/workflow" / path, "a") as file:
        file.write("# one comment more\n")


def touch(*paths: Path) -> None:
    for path in paths:
        path.touch()


def touch_all(study: Study) -> None:
    files = sorted(path for path in (study / "results").rglob("*") if path.is_file())
    random.Random(0).shuffle(files)
    for number, path in enumerate(files):
        os.utime(path, (number, 2_000_000_000 + number))


def edit_first_base(path: Path) -> None:
    header, first, rest = re.fullmatch(r"(>\w+\n)(.)(.*)", path.read_text(), re.S).groups()
    path.write_text(header + ("A" if first != "A" else "C") + rest)


def add_genome(study: Study) -> None:
    study.write_genome("new", np.random.default_rng(11))
    with open(study / "genomes.tsv", "a") as sheet:
        sheet.write("new\tnew.fa\tnew.gff3\n")


def add_variants(study: Study) -> None:
    shutil.copy2(study / "known.vcf", study / "more.vcf")
    with open(study / "variants.tsv", "a") as sheet:
        sheet.write("more\ttoy\tmore.vcf\t\n")


def slower(study: Study) -> None:
    hardware = {"devices": 2, "accumulate": 4, "compile": True}
    models = {name: {**model, "hardware": hardware} for name, model in CONFIG["models"].items()}
    study.configure(
        mirrors={"https://host/": "https://near/"}, inference={"batch_size": 7}, models=models, pytorch="gpu"
    )


def learn_twice(study: Study) -> None:
    repeats = CONFIG["tasks"]["repeats"]
    study.configure(tasks={**CONFIG["tasks"], "repeats": {**repeats, "seeds": 2}})


def learn_slower(study: Study) -> None:
    small = CONFIG["models"]["small"]
    models = {"small": {**small, "training": {**small["training"], "learning_rate": 0.004}}}
    study.configure(models={**CONFIG["models"], **models})


def move(study: Study) -> None:
    (study / "results").rename(study / "moved")
    study.configure(pathvars={"results": "moved"})


CASES = {
    "nothing": lambda study: None,
    "the time of a FASTA, GFF or VCF that a sheet names": lambda study: touch(
        *(study / name for name in ("toy.fa", "toy.gff3", "known.vcf"))
    ),
    "the time of the configuration or a sheet": lambda study: touch(
        *(study / name for name in ("config.yaml", "genomes.tsv", "variants.tsv"))
    ),
    "the time of a result in the middle": lambda study: touch(study / "results/genomes/toy/sequence/bases.npy"),
    "the times of all results (copied without them)": touch_all,
    "a comment in a script": lambda study: of_workflow(study, "scripts/pretrain_model.py"),
    "a comment in the library": lambda study: of_workflow(study, "scripts/genoglot/training/run.py"),
    "mirrors, batch size of inference, hardware, threads, build of PyTorch": slower,
    "the path of logs or benchmarks": lambda study: study.configure(pathvars={"logs": "l", "benchmarks": "b"}),
    "the path of results, and the folder with it": move,
    "the path of results": lambda study: study.configure(pathvars={"results": "elsewhere"}),
    "a base of a FASTA that the sheet names": lambda study: edit_first_base(study / "toy.fa"),
    "the report's title": lambda study: study.configure(report={"title": "Another"}),
    "a genome more in the sheet": add_genome,
    "a variant set more in the sheet": add_variants,
    "bootstraps of the AUROCs": lambda study: study.configure(scoring={**CONFIG["scoring"], "bootstraps": 60}),
    "a training more of a task": learn_twice,
    "a model's learning rate": learn_slower,
}
OPTIONS = {
    "mirrors, batch size of inference, hardware, threads, build of PyTorch": ("--set-threads", "pretrain_model=1")
}


@pytest.fixture(scope="module")
def everything(inputs) -> dict[str, int]:
    """Jobs of the study when nothing is there yet."""
    return {rule: n for rule, n in inputs.jobs().items() if rule not in TARGETS}


def test_the_page_tells_of_every_case():
    assert list(table()) == list(CASES)


@pytest.mark.parametrize("change", CASES)
def test_what_runs_is_what_the_page_tells(finished, everything, tmp_path, change):
    study = finished.copy(tmp_path)
    CASES[change](study)
    own = study / "genoglot/Snakefile"
    where = {"snakefile": own} if own.exists() else {}
    options = [*OPTIONS.get(change, ()), "--workflow-profile", str(LOCAL_PROFILE.parent)]
    jobs = study.jobs(*options, **where)
    assert {rule: n for rule, n in jobs.items() if rule not in TARGETS} == told(table()[change], everything)


def test_without_the_profile_a_touched_script_trains_again(finished, tmp_path):
    """Why the profile leaves out `code`: Snakemake goes by the time of a script."""
    study = finished.copy(tmp_path)
    of_workflow(study, "scripts/pretrain_model.py")
    jobs = study.jobs("--workflow-profile", "none", snakefile=study / "genoglot/Snakefile")
    assert jobs["pretrain_model"] == 2


def test_the_profile_is_found_without_being_named(finished):
    assert "rerun-triggers" in LOCAL_PROFILE.read_text()
    run = finished.snakemake("--dry-run")
    assert f"workflow specific profile {ROOT / 'profiles/default'}" in run.stdout
