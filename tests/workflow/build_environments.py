"""Build each environment from its PyPI names, and run the tiny workflow with them: `build_environments.py FOLDER`.

Conda itself is not needed, nor its channels. An environment is a virtual environment with the packages that
`envs/NAME.yaml` names, under their names on PyPI, and nothing else; Snakemake has one of its own. First every module of
the library that the scripts of an environment reach is imported in it alone, then the whole tiny workflow is run, each
script by the Python of its rule's environment. It takes some minutes and gigabytes: `make environments`.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from environment_files import SCRIPTS, files_reached, locked, packages, pypi_requirements, rule_environments
from tiny_study import ROOT, Study

# what Snakemake needs to read the workflow
HOST = ("snakemake", "jsonschema", "pyyaml")


def build(folder: Path, requirements: list[str]) -> Path:
    """A virtual environment with these packages and what they need; its Python."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


def rules_of(environment: str) -> list[str]:
    return [rule for rule, names in rule_environments().items() if environment in names]


def import_library(python: Path, environment: str) -> None:
    """Import all that the environment's scripts reach of the library, with nothing but the environment beside it."""
    files = set().union(*(files_reached(SCRIPTS / f"{rule}.py") for rule in rules_of(environment)))
    paths = [file.relative_to(SCRIPTS).with_suffix("") for file in sorted(files) if file.parent != SCRIPTS]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    code = f"import importlib, sys; sys.path.append({str(SCRIPTS)!r}); [importlib.import_module(n) for n in {names!r}]"
    subprocess.run([python, "-I", "-c", code], check=True)
    print(f"{environment}: {len(names)} modules of the library import", flush=True)


def run_workflow(host: Path, interpreters: dict[str, str], study: Study) -> None:
    (study / "interpreters.json").write_text(json.dumps(interpreters))
    command = [host, Path(__file__).with_name("host.py"), "interpreters.json", "--snakefile", ROOT / "Snakefile"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*command, "--configfile", "config.yaml", "--cores", "2"], cwd=study.folder, env=environment, check=True
    )


def main(folder: Path) -> None:
    names = [path.stem for path in sorted((ROOT / "envs").glob("*.yaml")) if path.stem != "torch-gpu"]
    pythons = {}
    for name in names:
        file = ROOT / f"envs/{name}.yaml"
        print(f"{name}: {len(packages(file))} packages", flush=True)
        pythons[name] = build(folder / name, pypi_requirements(file))
        import_library(pythons[name], name)
    host = build(folder / "snakemake", [f"{name}=={locked()[name]}" for name in HOST])
    interpreters = {rule: str(python) for name, python in pythons.items() for rule in rules_of(name)}
    with tempfile.TemporaryDirectory() as temporary:
        study = Study.generate(Path(temporary))
        run_workflow(host, interpreters, study)
        assert (study / "results/report.html").exists()
    print(f"The tiny workflow ran, each script in its own environment: {', '.join(names)}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
