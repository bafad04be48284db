"""Jobs that share no file system: every file comes out of a storage and goes back into it."""

import shutil

import pytest
from tiny_study import CONFIG

pytestmark = pytest.mark.skipif(shutil.which("rsync") is None, reason="the storage plugin needs rsync, which is absent")


def test_the_study_runs_with_nothing_shared_and_then_has_nothing_to_do(inputs, tmp_path):
    study = inputs.copy(tmp_path / "study")
    # one model, one variant set and no task, to save time: there is every kind of input and output among them
    study.configure(models={"small": CONFIG["models"]["small"]}, tokenizers={}, tasks={})
    (study / "variants.tsv").write_text("variants\tgenome\tvcf\nknown\ttoy\tknown.vcf\n")
    before = {path.name for path in study.folder.iterdir()}
    storage = tmp_path / "storage"
    nothing_shared = (
        "--shared-fs-usage", "none", "--default-storage-provider", "fs", "--default-storage-prefix", str(storage),
        "--local-storage-prefix", str(tmp_path / "scratch"),
    )  # fmt: skip
    run = study.snakemake(*nothing_shared)
    assert run.returncode == 0, run.stdout
    for name in ("report.html", "models/small/model.safetensors", "variants/known/small.vcf.gz"):
        assert (storage / "results" / name).stat().st_size > 0
    assert any((storage / "logs/pretrain_model").iterdir())
    # the sheet's own files stayed where they were, and nothing was made beside them
    assert {path.name for path in study.folder.iterdir()} == before | {".snakemake"}
    assert not (storage / "toy.fa").exists()
    second = study.snakemake(*nothing_shared)
    assert "Nothing to be done" in second.stdout, second.stdout
