"""Environments: each holds what the scripts that use it import, no more, in the versions of the lock."""

import base64
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from environment_files import (
    BESIDE_IMPORTS,
    CONDA,
    PYTORCH,
    SCRIPTS,
    closure,
    conda_name,
    locked,
    packages,
    rule_environments,
)
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError
from tiny_study import ROOT, RULES, Study

ENVIRONMENTS = sorted({name for names in rule_environments().values() for name in names})
FILES = [*sorted((ROOT / "envs").glob("*.yaml")), *sorted((ROOT / "examples").glob("*/envs/*.yaml"))]


def of(environment: str) -> Path:
    return ROOT / f"envs/{environment}.yaml"


def test_every_rule_has_an_environment_and_every_environment_is_used():
    assert set(rule_environments()) == set(RULES)
    assert {path.stem for path in (ROOT / "envs").glob("*.yaml")} == set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_holds_what_its_scripts_reach(environment):
    needed = set()
    for rule, names in rule_environments().items():
        if environment in names:
            needed |= closure(SCRIPTS / f"{rule}.py")
    assert {conda_name(name, environment) for name in needed} == set(packages(of(environment))) - BESIDE_IMPORTS


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_environment_has_the_versions_of_the_lock(file):
    names = {conda: name for name, conda in CONDA.items()} | dict.fromkeys(PYTORCH.values(), "torch")
    versions = locked()
    for package, version in packages(file).items():
        if package not in BESIDE_IMPORTS:
            assert version == versions[names.get(package, package)], package


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_environment_comes_from_the_two_channels_in_their_order(file):
    assert yaml.safe_load(file.read_text())["channels"] == ["conda-forge", "bioconda", "nodefaults"]


def test_a_wrong_spec_would_be_refused(tmp_path):
    for line in ("=3.1", "numpy >=2,,<3", "numpy =2.4.6 [build"):
        with pytest.raises(InvalidMatchSpecError):
            MatchSpec(line)


def test_the_builds_of_pytorch_differ_in_nothing_else():
    cpu, gpu = (packages(of(name)) for name in PYTORCH)
    assert cpu.pop("pytorch-cpu") == gpu.pop("pytorch-gpu")
    assert cpu == gpu


def recorded_environment(study: Study, output: str) -> str:
    """The environment that Snakemake noted for a file that it made."""
    for file in (study / ".snakemake/metadata").rglob("*"):
        if file.is_file() and base64.b64decode(file.name).decode() == output:
            return base64.b64decode(json.loads(file.read_text())["conda_env"]).decode()
    raise AssertionError(f"nothing is noted for {output}")


def test_the_configuration_chooses_the_build_of_pytorch(finished, tmp_path):
    study = finished.copy(tmp_path)
    output = "results/tokenizers/pieces/tokenizer.json"
    assert "pytorch-cpu" in recorded_environment(study, output)
    study.configure(pytorch="gpu")
    run = study.snakemake("--forcerun", "make_tokenizer", "--", output)
    assert run.returncode == 0, run.stdout
    assert "pytorch-gpu" in recorded_environment(study, output)


def test_the_example_imports_what_its_environment_holds():
    scripts = (ROOT / "examples/parent/scripts").glob("*.py")
    assert set().union(*map(closure, scripts)) | {"python"} == set(packages(ROOT / "examples/parent/envs/calls.yaml"))


def test_bedtools_is_where_pybedtools_is():
    for environment in ENVIRONMENTS:
        assert ("bedtools" in packages(of(environment))) == ("pybedtools" in packages(of(environment)))


def test_the_package_names_what_the_library_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reached = set().union(*(closure(path) for path in SCRIPTS.glob("genoglot/**/*.py")))
    assert set(project["dependencies"]) == reached


def test_requirements_name_what_the_package_needs_and_the_lock_holds_them():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines()]
    direct = {re.split("[=<>]", line)[0].lower() for line in lines if line}
    assert set(project["dependencies"]) <= direct
    assert direct <= set(locked())


def test_the_lock_is_exact_and_has_no_local_builds():
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
