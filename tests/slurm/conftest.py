"""One Slurm for all tests of this folder, and the tiny study after a whole run on it."""

import cluster as slurm
import numpy as np
import pytest
from clustered import WHOLE, Submitted, submit
from tiny_study import GENOMES, VARIANTS, Study, known_variants


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if reason := slurm.missing():
        pytest.skip(reason)
    with slurm.running(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture(scope="session")
def whole(cluster, tmp_path_factory) -> Submitted:
    """The tiny study after a whole run, every job of it through Slurm. To change it, copy it."""
    study = Study(tmp_path_factory.mktemp("whole"))
    contigs = study.write_genome("toy", np.random.default_rng(5))
    (study / "known.vcf").write_text(known_variants(contigs))
    (study / "genomes.tsv").write_text(GENOMES)
    (study / "variants.tsv").write_text(VARIANTS)
    study.configure(**WHOLE)
    run = submit(study, cluster)
    run.finish()
    return run
