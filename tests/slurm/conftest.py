"""One Slurm for all tests of this folder, and the tiny study after a whole run on it."""

import cluster as slurm
import pytest
from clustered import WHOLE, Submitted, submit
from tiny_study import Study


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if reason := slurm.missing():
        pytest.skip(reason)
    with slurm.running(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture(scope="session")
def whole(cluster, tmp_path_factory) -> Submitted:
    """The tiny study after a whole run, every job of it through Slurm. To change it, copy it."""
    study = Study.generate(tmp_path_factory.mktemp("whole"))
    study.configure(**WHOLE)
    run = submit(study, cluster)
    run.finish()
    return run
