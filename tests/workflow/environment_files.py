"""The files of environments, what rules and scripts need of them, and what PyPI calls what conda has."""

import ast
import functools
import re
import sys
from pathlib import Path

import yaml
from rattler import MatchSpec
from tiny_study import ROOT

SCRIPTS = ROOT / "workflow/scripts"

# where the name of an import, or of the package on conda-forge, is not the name on PyPI
DISTRIBUTIONS = {
    "Bio": "biopython",
    "pyBigWig": "pybigwig",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
CONDA = {"matplotlib": "matplotlib-base"}
# the two builds of PyTorch; the configuration chooses
PYTORCH = {"torch-cpu": "pytorch-cpu", "torch-gpu": "pytorch-gpu"}
# needed though nothing imports them: a program, and what writes a Parquet file or opens a page's figures for pandas
BESIDE_IMPORTS = {"python", "bedtools"}


@functools.cache
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


def files_reached(script: Path) -> set[Path]:
    """A script, and the files of the library that it imports, at any remove."""
    files, seen = [script], {script}
    while files:
        for name in imports(files.pop()):
            if name.split(".")[0] == "genoglot":
                new = [file for file in module_files(name) if file not in seen]
                seen.update(new)
                files += new
    return seen


def closure(script: Path) -> set[str]:
    """Third-party distributions that a script reaches through the library."""
    names = {name.split(".")[0] for file in files_reached(script) for name in imports(file)}
    foreign = names - set(sys.stdlib_module_names) - {"genoglot", "__future__"}
    return {DISTRIBUTIONS.get(name, name) for name in foreign}


def rule_environments() -> dict[str, tuple[str, ...]]:
    """Environments of each rule: one, or those that the configuration chooses from."""
    text = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
    found = re.findall(r"^rule (\w+):.*?conda:\s+(?:\"../../envs/(\w+)\.yaml\"|(TORCH)\n)", text, re.M | re.S)
    return {rule: tuple(PYTORCH) if chosen else (name,) for rule, name, chosen in found}


def packages(environment: Path) -> dict[str, str]:
    """Version of each package of an environment, as conda's own parser reads it; all are pinned by `=`."""
    specs = [MatchSpec(line) for line in yaml.safe_load(environment.read_text())["dependencies"]]
    assert all(spec.version.endswith(".*") and spec.build is None and spec.channel is None for spec in specs)
    return {spec.name.normalized: spec.version.removesuffix(".*") for spec in specs}


def conda_name(distribution: str, environment: str) -> str:
    return PYTORCH[environment] if distribution == "torch" else CONDA.get(distribution, distribution)


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {name.lower(): version for name, version in (line.split("==") for line in lines if "==" in line)}


def pypi_requirements(environment: Path) -> list[str]:
    """Requirements by which pip makes the same environment; bedtools is a program, and must be on PATH."""
    names = {conda: name for name, conda in CONDA.items()} | dict.fromkeys(PYTORCH.values(), "torch")
    pinned = {names.get(package, package): version for package, version in packages(environment).items()}
    return [f"{name}=={version}" for name, version in pinned.items() if name not in BESIDE_IMPORTS]
