"""Environments: each holds what the scripts that use it import, no more, in the versions of the lock."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"

# where the name of an import, or of the package on conda-forge, is not the name on PyPI
DISTRIBUTIONS = {
    "Bio": "biopython",
    "pyBigWig": "pybigwig",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
# needed though nothing imports them: a program, and what writes a Parquet file or opens a page's figures for pandas
BESIDE_IMPORTS = {"python", "bedtools"}


def imports(path: Path) -> set[str]:
    """Full names of everything that a file imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            # what is imported from a package may be a module of it
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_files(name: str) -> list[Path]:
    """Files of the library that importing a name runs: those of its packages, and its own."""
    parts = name.split(".")
    files = [SCRIPTS.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [file for file in [*files, SCRIPTS.joinpath(*parts).with_suffix(".py")] if file.exists()]


def closure(script: Path) -> set[str]:
    """Third-party distributions that a script reaches through the library."""
    files, reached = [script], set()
    seen = set(files)
    while files:
        for name in imports(files.pop()):
            top = name.split(".")[0]
            if top == "genoglot":
                new = [file for file in module_files(name) if file not in seen]
                seen.update(new)
                files += new
            elif top not in sys.stdlib_module_names and top != "__future__":
                reached.add(DISTRIBUTIONS.get(top, top))
    return reached


def rule_environments() -> dict[str, str]:
    """Environment of each rule."""
    text = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
    return dict(re.findall(r"^rule (\w+):.*?conda:\s+\"../../envs/(\w+)\.yaml\"", text, re.M | re.S))


def packages(environment: str) -> dict[str, str]:
    """Version of each package of an environment."""
    dependencies = yaml.safe_load((ROOT / f"envs/{environment}.yaml").read_text())["dependencies"]
    return dict(re.fullmatch(r"(\S+) =(\S+)", line).groups() for line in dependencies)


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {name.lower(): version for name, version in (line.split("==") for line in lines if "==" in line)}


ENVIRONMENTS = sorted(set(rule_environments().values()))


def test_every_environment_is_used():
    assert {path.stem for path in (ROOT / "envs").glob("*.yaml")} == set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_holds_what_its_scripts_reach(environment):
    needed = set()
    for rule, name in rule_environments().items():
        if name == environment:
            needed |= closure(SCRIPTS / f"{rule}.py")
    assert {CONDA.get(name, name) for name in needed} == set(packages(environment)) - BESIDE_IMPORTS


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_has_the_versions_of_the_lock(environment):
    names = {conda: name for name, conda in CONDA.items()}
    versions = locked()
    for package, version in packages(environment).items():
        if package not in BESIDE_IMPORTS:
            assert version == versions[names.get(package, package)], package


def test_bedtools_is_where_pybedtools_is():
    for environment in ENVIRONMENTS:
        assert ("bedtools" in packages(environment)) == ("pybedtools" in packages(environment))


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
