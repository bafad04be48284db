"""Scans and calibrations in a configuration, and as jobs."""

import pytest
from configurations import read, refused
from tiny_study import CONFIG


def test_a_scan_is_by_the_models_it_names_or_all_that_score_variants(config):
    config["scans"] = {"all": {"genome": "a"}, "one": {"genome": "b", "models": ["small"]}}
    config["models"]["next"]["uses"] = ["embeddings"]
    assert read(config).scan_runs() == [("all", "small"), ("one", "small")]
    config["models"]["next"]["uses"] = None
    assert read(config).scan_runs() == [("all", "small"), ("all", "next"), ("one", "small")]


def test_neutral_scores_are_of_the_pairs_that_score_variants(config):
    assert read(config).calibrations() == []
    config["scoring"] = {"calibration": {}}
    study = read(config)
    assert study.calibrations() == [("a", "small"), ("a", "next")]
    assert study.calibration == {"regions": ["intergenic"], "bed": {}, "sites": 20000, "kmer": 3}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scans": {"s": {"genome": "c"}}}, ["scans.s.genome: ", "has no c"]),
        ({"scans": {"s": {"genome": "a", "models": ["smal"]}}}, ["scans.s.models: there is no model smal", "small?"]),
        (
            {"scans": {"s": {"genome": "a", "bed": "https://host/x.bed"}}},
            ["scans.s.bed: expected the path", "https://"],
        ),
        ({"scans": {"s": {"genome": "a", "chunks": 0}}}, ["scans.s.chunks"]),
        ({"scans": {"s": {"genome": "a", "mode": "fast"}}}, ["scans.s.mode"]),
        ({"scoring": {"calibration": {"bed": {"c": "x.bed"}}}}, ["scoring.calibration.bed: ", "has no c"]),
        ({"scoring": {"calibration": {"bed": {"a": "ftp://host/x.bed"}}}}, ["scoring.calibration.bed.a: expected"]),
        ({"scoring": {"calibration": {"kmer": 4}}}, ["scoring.calibration.kmer"]),
        ({"scoring": {"calibration": {"regions": ["introns"]}}}, ["scoring.calibration.regions"]),
    ],
)
def test_what_does_not_fit_is_refused(config, changes, words):
    refused(config | changes, *words)


def test_a_chunk_that_is_done_is_not_done_again(finished, tmp_path):
    study = finished.copy(tmp_path)
    study.configure(scans={"part": CONFIG["scans"]["part"] | {"chunks": 3}})
    target = "results/scans/part/small.summary.json"
    assert study.jobs(target) == {"scan_sites": 3, "gather_scan": 1}
    # as after a run in which the others were killed
    run = study.snakemake(
        "results/scans/part/chunks/small/1-of-3.parquet", "results/scans/part/chunks/small/3-of-3.parquet"
    )
    assert run.returncode == 0, run.stdout
    assert study.jobs(target) == {"scan_sites": 1, "gather_scan": 1}
    before = (study / "results/scans/part/small.parquet").read_bytes()
    run = study.snakemake(target)
    assert run.returncode == 0, run.stdout
    assert (study / "results/scans/part/small.parquet").read_bytes() == before
    assert not list((study / "results/scans/part/chunks").rglob("*.parquet"))


def test_regions_of_the_user_s_are_read_instead_of_those_of_the_annotation(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    target = "results/calibration/toy/small.parquet"
    jobs = study.jobs(target)
    assert jobs["calibrate_scores"] == jobs["classify_regions"] == 1
    study.configure(scoring={"calibration": {"bed": {"toy": "part.bed"}}})
    assert "classify_regions" not in study.jobs(target)
    study.configure(scoring={})
    run = study.snakemake("--dry-run", target)
    assert run.returncode != 0
    assert "scoring.calibration: null" in run.stdout
