"""The tiny study before and after one run of the whole workflow, and a small configuration, shared by the tests."""

import configurations
import numpy as np
import pytest
from tiny_study import GENOMES, REGIONS, VARIANTS, Study, known_labels, known_variants, write_track


@pytest.fixture(scope="session")
def inputs(tmp_path_factory) -> Study:
    """The study before anything ran. Do not run in it: `inputs.copy(tmp_path)`."""
    study = Study(tmp_path_factory.mktemp("inputs"))
    rng = np.random.default_rng(5)
    contigs = study.write_genome("toy", rng)
    known = known_variants(contigs)
    (study / "known.vcf").write_text(known)
    (study / "labels.tsv").write_text(known_labels(known))
    write_track(study / "track.bw", rng)
    (study / "genomes.tsv").write_text(GENOMES)
    (study / "variants.tsv").write_text(VARIANTS)
    (study / "part.bed").write_text(REGIONS)
    study.configure()
    return study


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
