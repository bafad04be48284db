"""What would be run, without running it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_study import OPTIONAL, ROOT, RULES

OF_SWEEPS = {"compare_models", "plot_comparison"}


def call(*command: str | Path, cwd: Path = ROOT) -> str:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


@pytest.fixture
def project(tmp_path):
    """A folder that looks like the project's root to a user, with no results."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    return tmp_path


def test_the_demo_is_the_default_and_uses_every_step(project):
    output = call("snakemake", "--snakefile", ROOT / "Snakefile", "--dry-run", cwd=project)
    # the demo's variants are derived, not fetched
    for rule in set(RULES) - OPTIONAL - OF_SWEEPS - {"fetch_variants"}:
        assert re.search(rf"^{rule} +\d+$", output, re.M), rule
    assert not (project / "results").exists()


def test_a_given_configuration_replaces_the_demo(project):
    command = ["snakemake", "--snakefile", ROOT / "Snakefile", "--dry-run", "--configfile", "config/yeast/config.yaml"]
    output = call(*command, cwd=project)
    assert "fetch_variants" in output
    assert "scer_demo" not in output


def test_lint():
    assert "good condition" in call("snakemake", "--lint")


def test_format():
    call("snakefmt", "--check", "Snakefile", "workflow", "examples")


def test_style():
    call("ruff", "check", ".")
    call("ruff", "format", "--check", ".")


def test_every_rule_has_a_script_of_its_name_and_no_script_is_left_over():
    scripts = {path.stem for path in ROOT.glob("workflow/scripts/*.py")}
    assert scripts == set(RULES)
    for path in ROOT.glob("workflow/scripts/*.py"):
        assert len(path.read_text().splitlines()) < 40, path


def test_every_rule_has_a_log_and_a_benchmark_of_its_own():
    for path in ROOT.glob("workflow/rules/*.smk"):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.M)[1:]:
            name = rule.split(":")[0]
            (log,) = re.findall(r'log:\n +"<logs>/(\S+)\.log",?\n', rule)
            (benchmark,) = re.findall(r'benchmark:\n +"<benchmarks>/(\S+)\.tsv"\n', rule)
            assert log == benchmark
            assert log.split("/")[0] == name


def test_start_up_needs_no_torch():
    code = "import genoglot.config, sys; print([name for name in ('torch', 'pandas', 'pysam') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "workflow/scripts", text=True, capture_output=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_a_missing_file_is_named(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    (study / "toy.gff3").unlink()
    run = study.snakemake("--dry-run")
    assert run.returncode != 0
    assert "MissingInputException" in run.stdout
    assert "toy.gff3" in run.stdout


def test_a_mistake_in_the_configuration_ends_in_words(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    study.configure(emmbeddings={})
    run = study.snakemake("--dry-run")
    assert run.returncode != 0
    assert "configuration: emmbeddings: unknown key; did you mean embeddings?" in run.stdout
    assert "Traceback" not in run.stdout


def test_other_pairs_can_be_asked_for_by_their_file(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    (study / "genomes.tsv").write_text("genome\tfasta\tannotation\ntoy\ttoy.fa\ttoy.gff3\nother\ttoy.fa\t\n")
    assert study.jobs("results/embeddings/other/small/umap.parquet")["embed_windows"] == 1
    assert "classify_regions" in study.jobs("results/genomes/other/regions.bed.gz")
    run = study.snakemake("--dry-run", "results/genomes/other/annotation.gff3.gz")
    assert "other has no annotation" in run.stdout
    run = study.snakemake("--dry-run", "results/models/smal/metrics.json")
    assert "MissingRuleException" in run.stdout


def test_a_sweep_is_a_model_for_each_combination_and_a_comparison(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    sweep = {"architectures": ["encoder", "hyena"], "sizes": ["tiny"], "seeds": [1, 2]}
    study.configure(models={"trial": {"corpus": "tiny", "sweep": sweep}}, tokenizers={})
    jobs = study.jobs()
    of_each = ("pretrain_model", "evaluate_model", "plot_curves")
    assert {rule: jobs[rule] for rule in of_each} == dict.fromkeys(of_each, 4)
    assert jobs["compare_models"] == jobs["plot_comparison"] == 1
    assert not {"embed_windows", "finetune_head", "score_variants"} & set(jobs)
    assert study.jobs("results/models/trial-hyena-tiny-s2/model.safetensors")["pretrain_model"] == 1
    # what it is used for by name is made for every member
    study.configure(models={"trial": {"corpus": "tiny", "sweep": sweep, "uses": ["tasks"]}}, tokenizers={})
    # three tasks, from pretrained and from random weights
    assert study.jobs()["finetune_head"] == 4 * 3 * 2


def test_genomes_that_a_model_was_not_trained_on_are_embedded_by_name(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    with open(study / "genomes.tsv", "a") as handle:
        handle.write("strain\ttoy.fa\t\n")
    study.configure(embeddings={"genomes": ["toy", "strain"]})
    assert study.jobs()["analyse_embeddings"] == 2
    study.configure(embeddings={"genomes": ["strain"]})
    assert study.jobs()["analyse_embeddings"] == 1
    study.configure(embeddings={"genomes": ["stran"]})
    run = study.snakemake("--dry-run")
    assert "embeddings.genomes: genomes.tsv has no stran; did you mean strain?" in run.stdout


def test_a_model_that_comes_trained_is_imported_and_used_like_any_other(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    (study / "other").mkdir()
    for source in ("./other", "other", "owner/name"):
        study.configure(models={"other": {"corpus": "tiny", "pretrained": source}}, tokenizers={})
        jobs = study.jobs()
        assert jobs["import_model"] == jobs["evaluate_model"] == jobs["embed_windows"] == 1
        assert jobs["finetune_head"] == 6
        assert not {"pretrain_model", "plot_curves"} & set(jobs)
        run = study.snakemake("--dry-run", "results/models/other/curves.tsv")
        assert run.returncode != 0, "there is no learning curve of a model that was not trained here"
    study.configure(models={"other": {"corpus": "tiny", "pretrained": "./absent"}}, tokenizers={})
    run = study.snakemake("--dry-run")
    assert "MissingInputException" in run.stdout
    assert "./absent" in run.stdout


def test_training_reads_a_tokenizer_and_an_annotation_only_if_it_is_told_to(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    target = "results/models/m/model.safetensors"
    study.configure(models={"m": {"corpus": "tiny", "architecture": {"type": "encoder"}}})
    jobs = study.jobs(target)
    assert not {"make_tokenizer", "classify_regions"} & set(jobs)
    settings = {"tokenizer": "pieces", "training": {"region_weight": 0.5}, "architecture": {"type": "encoder"}}
    study.configure(models={"m": {"corpus": "tiny", **settings}})
    more = {"fetch_source": 2, "normalise_annotation": 1, "classify_regions": 1, "make_tokenizer": 1}
    assert study.jobs(target) == jobs | more


def resources_of(study, hardware: dict, *arguments: str) -> str:
    study.configure(models={"m": {"corpus": "tiny", "hardware": hardware}}, tasks={})
    run = study.snakemake("--dry-run", *arguments, "results/models/m/model.safetensors")
    assert run.returncode == 0, run.stdout
    return re.search(r"^rule pretrain_model:.*?resources: (.*?)$", run.stdout, re.M | re.S)[1]


@pytest.mark.parametrize(
    ("hardware", "gpus", "nodes"),
    [({}, 1, 1), ({"devices": "auto"}, 1, 1), ({"devices": 4}, 4, 1), ({"devices": 4, "nodes": 3}, 12, 3)],
)
def test_a_training_asks_for_the_gpus_that_its_hardware_names(inputs, tmp_path, hardware, gpus, nodes):
    """Whatever the profile says of other rules."""
    study = inputs.copy(tmp_path)
    for profile in ((), ("--profile", str(ROOT / "profiles/slurm"), "--executor", "dryrun")):
        resources = resources_of(study, hardware, *profile)
        assert f"gpu={gpus}," in resources
        assert f"nodes={nodes}, tasks={nodes}, tasks_per_gpu=0" in resources
        # srun starts the tasks of several machines, and each gives as many GPUs
        assert ("mpi=srun" in resources) == (nodes > 1)
        assert (f"--gpus-per-node={gpus // nodes}" in resources) == (nodes > 1)
        assert "--signal=TERM@120" in resources


def test_memory_and_time_grow_with_the_input_and_with_attempts(finished, tmp_path):
    study = finished.copy(tmp_path)
    target = "results/embeddings/toy/small/umap.parquet"
    # a file of a gigabyte that takes no space
    os.truncate(study / "results/embeddings/toy/small/embeddings.parquet", 10**9)
    for attempt, factor in ((1, 1), (2, 2), (3, 4), (4, 4)):
        run = study.snakemake("--dry-run", "--forcerun", "analyse_embeddings", "--attempt", str(attempt), "--", target)
        asked = re.search(r"^rule analyse_embeddings:.*?resources: (.*?)$", run.stdout, re.M | re.S)[1]
        # 16 GB and six times the input; four hours and a tenth of a minute for each megabyte
        assert f"mem_mb={factor * 22_000}," in asked
        assert f"runtime={factor * 340}" in asked


def test_account_and_partition_of_the_profile_reach_every_job(inputs, tmp_path):
    study = inputs.copy(tmp_path / "study")
    text = (ROOT / "profiles/slurm/config.yaml").read_text()
    for name in ("slurm_account: mine", "slurm_partition: short"):
        assert f"  # {name}\n" in text
        text = text.replace(f"  # {name}\n", f"  {name}\n")
    (tmp_path / "config.yaml").write_text(text)
    run = study.snakemake("--dry-run", "--profile", str(tmp_path), "--executor", "dryrun")
    assert run.returncode == 0, run.stdout
    submitted = re.findall(r"^rule (\w+):.*?resources: (.*?)$", run.stdout, re.M | re.S)
    assert "pretrain_model" in dict(submitted)
    for rule, resources in submitted:
        assert "slurm_account=mine" in resources, rule
        assert "slurm_partition=short" in resources, rule
