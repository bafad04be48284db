"""The tiny study before and after one run of the whole workflow, and a small configuration, shared by the tests."""

import configurations
import pytest
from tiny_study import Study


@pytest.fixture(scope="session")
def inputs(tmp_path_factory) -> Study:
    """The study before anything ran. Do not run in it: `inputs.copy(tmp_path)`."""
    return Study.generate(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def finished(inputs, tmp_path_factory) -> Study:
    """The study after a whole run. Do not change it: `finished.copy(tmp_path)`."""
    study = inputs.copy(tmp_path_factory.mktemp("finished"))
    run = study.snakemake()
    assert run.returncode == 0, run.stdout
    return study


@pytest.fixture
def config(tmp_path):
    """A small valid configuration with its sheets."""
    (tmp_path / "genomes.tsv").write_text(configurations.GENOMES)
    (tmp_path / "variants.tsv").write_text(configurations.VARIANTS)
    return {
        "genomes": str(tmp_path / "genomes.tsv"),
        "variants": str(tmp_path / "variants.tsv"),
        "corpora": {
            "one": {"genomes": ["a"], "validation": ["I"]},
            "both": {"genomes": ["a", "b"], "validation": ["I"], "test": ["II"]},
        },
        "models": {"small": {"corpus": "one"}, "next": {"corpus": "both", "init_from": "small"}},
        "tasks": {"regions": {"genome": "a"}},
    }
