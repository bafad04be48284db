"""Tasks of tracks and peaks in a configuration, and as jobs."""

import json

import numpy as np
import pyBigWig
import pytest
from configurations import read, refused
from tiny_study import CONFIG, LENGTHS

TRACKS = {"kind": "tracks", "genome": "a", "tracks": {"x": "x.bw"}}
SIGNAL = {
    "kind": "tracks", "genome": "toy", "tracks": {"signal": "signal.bedgraph"}, "bin": 16, "epochs": 1, "seeds": 1,
    "models": ["small"], "max_windows": 60, "split": {"validation": 0.3},
}  # fmt: skip
PEAKS = {**SIGNAL, "kind": "peaks", "tracks": {"sites": "sites.bed"}}
TARGET = "results/tasks/{}/small/metrics.json"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tracks": None}, ["tasks.t.tracks: kind tracks needs a file for each track by its name, found none"]),
        ({"tracks": {}}, ["tasks.t.tracks"]),
        ({"tracks": {"x": "https://host/x.bw"}}, ["tasks.t.tracks.x: expected the path of a file", "fetch it first"]),
        ({"genome": None}, ["tasks.t.genome: expected the genome on which the tracks lie"]),
        ({"bed": "x.bed"}, ["tasks.t.bed: kind tracks learns from the files in `tracks`"]),
        ({"kind": "peaks", "sequences": {"train": "x.csv"}}, ["tasks.t.sequences: kind peaks learns from the files"]),
        ({"kind": "region_class"}, ["tasks.t.tracks: kind region_class does not learn from tracks"]),
        ({"column": "signal"}, ["tasks.t.column: expected the number of the column"]),
        ({"split": {"by": "column"}}, ["tasks.t.split.by: column: bins of a genome"]),
        ({"pooling": "mean"}, ["tasks.t.pooling: kind tracks has a truth for each base or bin"]),
        ({"few_shot": {}}, ["tasks.t.few_shot: kind tracks has a truth for each base or bin"]),
        ({"aggregate": "median"}, ["tasks.t.aggregate: expected one of mean, sum, max"]),
        ({"bin": 0}, ["tasks.t.bin"]),
    ],
)
def test_what_does_not_fit_is_refused(config, changes, words):
    refused(config | {"tasks": {"t": TRACKS | changes}}, *words)


def test_the_default_settings(config):
    study = read(config | {"tasks": {"t": TRACKS, "p": TRACKS | {"kind": "peaks"}}})
    found = study.example_settings("t")
    expected = {"bin": 128, "aggregate": "mean", "missing": "zero", "loss": "poisson", "column": 4, "margin": None}
    assert {key: found[key] for key in expected} == expected
    assert not study.task_training("p")["balanced"]
    assert ("t", "small") in study.task_runs()


def write_signal(study) -> None:
    """A track that is high on every third stretch of a contig, and peaks there."""
    rng = np.random.default_rng(1)
    stretches = [
        (contig, start, int(rng.poisson(9 if start // 400 % 3 == 0 else 1)))
        for contig, length in LENGTHS.items()
        for start in range(0, length - 400, 400)
    ]
    lines = [f"{contig}\t{start}\t{start + 400}\t{value}\n" for contig, start, value in stretches]
    (study / "signal.bedgraph").write_text("".join(lines))
    peaks = [f"{contig}\t{start}\t{start + 400}\n" for contig, start, value in stretches if value > 4]
    (study / "sites.bed").write_text("".join(peaks))


def test_files_of_tracks_are_inputs(inputs, tmp_path):
    study = inputs.copy(tmp_path)
    study.configure(tasks={**CONFIG["tasks"], "signal": SIGNAL})
    run = study.snakemake("--dry-run", TARGET.format("signal"))
    assert run.returncode != 0
    assert "signal.bedgraph" in run.stdout
    write_signal(study)
    jobs = study.jobs(TARGET.format("signal"))
    assert {name: jobs[name] for name in ("read_examples", "finetune_head", "fit_floors", "evaluate_task")} == {
        "read_examples": 1, "finetune_head": 2, "fit_floors": 1, "evaluate_task": 1,
    }  # fmt: skip


def test_tracks_and_peaks_are_learnt(finished, tmp_path):
    study = finished.copy(tmp_path)
    write_signal(study)
    heads = {task: {"task": task, "genome": "toy", "contigs": ["chrB"]} for task in ("signal", "sites")}
    study.configure(tasks={**CONFIG["tasks"], "signal": SIGNAL, "sites": PEAKS}, predictions=heads)
    targets = [f"results/predictions/{task}/small/summary.json" for task in heads]
    run = study.snakemake("--", *targets)
    assert run.returncode == 0, run.stdout
    signal, sites = (json.loads((study / TARGET.format(task)).read_text()) for task in heads)
    assert (signal["target"], sites["target"]) == ("counts", "labels")
    assert signal["bin"] == sites["bin"] == 16
    assert signal["pretrained"]["pearson"] is not None
    assert sites["pretrained"]["auroc"] is not None
    # each bin of the contig that is held out is measured
    assert signal["bins_test"] == LENGTHS["chrB"] // 16
    assert study.jobs(*targets) == {}
    # and the heads say of each bin of it what they expect
    for task in heads:
        with pyBigWig.open(str(study / f"results/predictions/{task}/small/tracks/{task}.bw")) as track:
            values = track.values("chrB", 0, LENGTHS["chrB"], numpy=True)
        assert np.isfinite(values).all()
        assert (values.reshape(-1, 16) == values[::16, None]).all()
