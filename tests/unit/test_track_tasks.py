"""Tasks of tracks and peaks: their windows against the files, and that a planted signal is learnt."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import d2_tweedie_score
from tiny_corpus import random_sequence
from tiny_models import random_network
from tiny_tasks import EXAMPLES, SPLIT, TRAINING
from tiny_tokens import tiny_encoding

from genoglot.errors import InputError
from genoglot.examples.reading import read_examples
from genoglot.examples.store import Examples
from genoglot.examples.target import Target, known_bins
from genoglot.model.folder import save_model
from genoglot.tasks import STARTS
from genoglot.tasks.baselines import fit_floors
from genoglot.tasks.evaluation import evaluate_task
from genoglot.tasks.metrics import error, measure
from genoglot.tasks.probing import linear_outputs
from genoglot.tasks.runs import finetune_head
from genoglot.tasks.scores import scores_of
from genoglot.tasks.training import Objective
from genoglot.tasks.writing import BINS

WINDOW, SIZE, MARGIN = 128, 16, 32
MOTIF = "CG"  # the same on both strands
CONTIGS = {"one": random_sequence(24_000, 1), "two": random_sequence(5000, 2), "three": random_sequence(100, 3)}
CONTIGS["four"] = random_sequence(6000, 4)
CONTIGS["two"] = CONTIGS["two"][:1000] + "N" * 200 + CONTIGS["two"][1200:]
CORPUS = {"split": {"by": "contig"}, "validation": ["two"], "test": []}
SETTINGS = EXAMPLES | {
    "kind": "tracks", "bin": SIZE, "split": SPLIT | {"by": "contig", "validation": ["four"], "test": ["two"]},
}  # fmt: skip
LEARNING = TRAINING | {
    "kind": "tracks", "pooling": BINS, "epochs": 8, "patience": 8, "learning_rate": 5e-3, "batch_size": 8,
    "balanced": False,
}  # fmt: skip
COUNTS = Target("counts", ("u", "v"))


def motif_counts(text: str) -> list[int]:
    """How many motifs begin in each bin."""
    begins = [text[place : place + len(MOTIF)] == MOTIF for place in range(len(text))]
    return [sum(begins[first : first + SIZE]) for first in range(0, len(text), SIZE)]


def write_track(path, factor=1.0, offset=0.0):
    lines = []
    for contig, text in CONTIGS.items():
        for number, count in enumerate(motif_counts(text)):
            end = min(len(text), (number + 1) * SIZE)
            lines.append(f"{contig}\t{number * SIZE}\t{end}\t{factor * count + offset}\n")
    path.write_text("".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a genome, an untrained model, a track of motifs and their places."""
    folder = tmp_path_factory.mktemp("tracks")
    encoding = tiny_encoding("single", None, folder)
    for architecture, shape in (("convnet", {"dim": 24}), ("hybrid", {"dim": 16})):
        save_model(random_network(architecture, encoding, WINDOW, **shape), encoding, folder / architecture, WINDOW)
    write_track(folder / "motifs.bedgraph", 3)
    write_track(folder / "rare.bedgraph", 0.01)
    write_track(folder / "signed.bedgraph", 1, -0.5)
    peaks = [
        f"{contig}\t{place}\t{place + len(MOTIF)}\n"
        for contig, text in CONTIGS.items()
        for place in range(len(text))
        if text[place : place + len(MOTIF)] == MOTIF
    ]
    (folder / "motifs.bed").write_text("".join(peaks))
    return folder


@pytest.fixture
def sequence(make_genome):
    return make_genome(CONTIGS).folder


@pytest.fixture
def read(folder, sequence, tmp_path):
    """The examples of a task of these tracks."""

    def read(*, model="convnet", tracks=None, **changes):
        tracks = tracks or {"motifs": str(folder / "motifs.bedgraph"), "rare": str(folder / "rare.bedgraph")}
        settings = SETTINGS | {"tracks": tracks} | changes
        read_examples(folder / model, sequence, None, None, None, tmp_path / "task", settings, "g", CORPUS, 1)
        return Examples.load(tmp_path / "task")

    return read


@pytest.fixture
def learn(folder, read, tmp_path):
    """All steps of a task; its measures."""

    def learn(*, model="convnet", training=None, **changes):
        read(model=model, **changes)
        settings = LEARNING | (training or {})
        task = tmp_path / "task"
        runs = [task / "runs" / start for start in STARTS]
        for start, run in zip(STARTS, runs, strict=True):
            finetune_head(folder / model, task, run, "m", "t", start, 1, settings, 1)
        fit_floors(folder / model, task, task / "floors.safetensors", settings, 1, 1)
        evaluate_task(task, runs, task / "floors.safetensors", None, task, "t", "m", "tracks", settings["mode"], 1)
        return json.loads((task / "metrics.json").read_text())

    return learn


def test_windows_have_the_values_of_their_bins(read):
    found = read()
    assert found.target == Target("counts", ("motifs", "rare"), SIZE)
    assert found.about["margin"] == MARGIN
    assert found.about["left_out"]["without a known bin"] > 0
    counts = {contig: motif_counts(text) for contig, text in CONTIGS.items()}
    measured = []
    for window, truth in zip(found.frame.itertuples(), found.truth, strict=True):
        for place in range(WINDOW // SIZE):
            start = window.start + place * SIZE
            bases = CONTIGS[window.contig][max(start, 0) : start + SIZE] if start >= 0 else ""
            hidden = window.split != "train" and not MARGIN <= place * SIZE < WINDOW - MARGIN
            # the last bin of a contig has fewer bases
            there = len(bases) > 0 and 2 * sum(base != "N" for base in bases) >= len(bases)
            if hidden or not there:
                assert np.isnan(truth[place]).all()
            else:
                count = counts[window.contig][start // SIZE]
                assert truth[place] == pytest.approx([3 * count, 0.01 * count])
                measured += [(window.contig, start)] if window.split == "test" else []
    # each bin of the test contig but those of N is measured once
    assert len(measured) == len(set(measured)) == -(-5000 // SIZE) - 12


def test_peaks_are_labels(read, folder):
    found = read(kind="peaks", tracks={"motif": str(folder / "motifs.bed")})
    assert found.target == Target("labels", ("motif",), SIZE)
    known = np.isfinite(found.truth)
    assert set(np.unique(found.truth[known])) == {0, 1}
    assert found.about["per_class"]["train"]["motif"] == int(np.nansum(found.truth[found.rows("train")]))


def test_a_signal_is_learnt_from_the_sequence_of_its_bins(learn, tmp_path):
    metrics = learn()
    assert metrics["target"] == "counts"
    found, guess = metrics["pretrained"], metrics["majority"]
    assert found["pearson"] > 0.6
    assert metrics["from_scratch"]["pearson"] > 0.6
    assert found["mse"] < 0.7 * guess["mse"]
    assert found["deviance_explained"] > 0.3 > 0.01 > guess["deviance_explained"]
    assert found["deviance_explained"] > metrics["kmer"]["deviance_explained"] > 0
    assert {entry["column"] for entry in found["per_column"]} == {"motifs", "rare"}
    table = pd.read_parquet(tmp_path / "task/predictions.parquet")
    again = np.mean([pearsonr(table[name], table[f"pretrained_{name}"]).statistic for name in ("motifs", "rare")])
    assert found["pearson"] == pytest.approx(again, abs=1e-5)
    assert (table[["pretrained_motifs", "pretrained_rare"]] > 0).all(axis=None)


@pytest.mark.parametrize(
    ("model", "kind", "mode", "loss"),
    [
        ("hybrid", "tracks", "full", "poisson"),
        ("convnet", "tracks", "lora", "poisson"),
        ("convnet", "tracks", "probe", "squared"),
        ("convnet", "peaks", "full", "poisson"),
    ],
)
def test_every_way_of_training(learn, folder, model, kind, mode, loss):
    file = {"peaks": "motifs.bed", "tracks": "signed.bedgraph" if loss == "squared" else "motifs.bedgraph"}[kind]
    if mode == "lora":
        model = "hybrid"
    metrics = learn(
        model=model, kind=kind, loss=loss, tracks={"motif": str(folder / file)},
        training={"kind": kind, "mode": mode, "epochs": 2}, max_windows=40,
    )  # fmt: skip
    assert metrics["target"] == ("labels" if kind == "peaks" else "counts" if loss == "poisson" else "values")
    assert metrics["n_train"] == 40
    name = "auroc" if kind == "peaks" else "pearson"
    assert np.isfinite(metrics["pretrained"][name])
    assert np.isfinite(metrics["pretrained"][f"{name}_low"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bin": 24}, "bins of 24 bases do not fill the model's window of 128"),
        ({"margin": 24}, "margin: expected a multiple of 16"),
        ({"margin": 64}, "below half of the model's window"),
        ({"split": SPLIT | {"by": "column"}}, "split.by: column"),
        ({"tracks": {"signed": "signed.bedgraph"}}, r"line \d+: one \d+ \d+ has the value -0.5; loss: poisson"),
        ({"tracks": {"none": "none.bw"}}, "none.bw: there is no such file"),
        ({"tracks": {"flat": "flat.bedgraph"}}, "tracks of g: the training examples' numbers of flat are all 0"),
    ],
)
def test_what_cannot_be_learnt_is_refused(read, folder, changes, message):
    (folder / "flat.bedgraph").write_text("one\t0\t24000\t0\n")
    if "tracks" in changes:
        changes = {"tracks": {name: str(folder / file) for name, file in changes["tracks"].items()}}
    with pytest.raises(InputError, match=message):
        read(**changes)


def test_counts_begin_at_their_mean_and_are_measured_in_any_unit():
    rng = np.random.default_rng(1)
    truth = rng.poisson([2.0, 30.0], (400, 2)).astype(np.float32)
    truth[:50, 0] = np.nan
    objective = Objective(COUNTS, truth)
    outputs = torch.zeros(400, 2)
    assert objective.predictions(outputs).numpy()[0] == pytest.approx(np.nanmean(truth, axis=0), rel=1e-6)
    assert torch.isfinite(objective.predictions(outputs + 1e4)).all()
    other = Objective(COUNTS, truth * 7)
    drawn = torch.from_numpy(rng.normal(size=(400, 2)).astype(np.float32))
    one, two = (each.loss(drawn, torch.from_numpy(factor * truth)) for each, factor in ((objective, 1), (other, 7)))
    assert float(one) == pytest.approx(float(two), rel=1e-5)
    # up to what does not depend on the outputs, it is the likelihood of Poisson numbers, in means
    mean, known = np.nanmean(truth, axis=0), np.isfinite(truth)
    expected = (np.exp(drawn.numpy()) - np.nan_to_num(truth) / mean * drawn.numpy())[known].mean()
    assert float(one) == pytest.approx(expected, rel=1e-5)


def test_measures_of_counts():
    rng = np.random.default_rng(2)
    truth = rng.poisson([2.0, 30.0], (300, 2)).astype(np.float32)
    predicted = truth + rng.random((300, 2)).astype(np.float32)
    each = [d2_tweedie_score(truth[:, column], predicted[:, column], power=1) for column in (0, 1)]
    means, entries = scores_of(COUNTS, truth, predicted)
    assert [entry["deviance_explained"] for entry in entries] == pytest.approx(each, rel=1e-5)
    assert means["deviance_explained"] == pytest.approx(np.mean(each), rel=1e-5)
    assert error(COUNTS, truth, predicted) == pytest.approx(1 - np.mean(each), rel=1e-5)
    pearson = np.mean([pearsonr(truth[:, column], predicted[:, column]).statistic for column in (0, 1)])
    assert measure(COUNTS, truth, predicted) == pytest.approx(pearson, rel=1e-5)
    assert np.isfinite(error(COUNTS, truth, np.zeros_like(truth)))


def test_poisson_regression_finds_the_coefficients():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(4000, 2))
    truth = rng.poisson(5 * np.exp(features @ [0.5, -0.3]))[:, None].astype(np.float32)
    weights, constants = linear_outputs(Target("counts", ("u",)), features, truth, 10.0, False, 1)
    assert weights[0] == pytest.approx([0.5, -0.3], abs=0.03)
    assert np.exp(constants[0]) * truth.mean() == pytest.approx(5, rel=0.03)


def test_bins_of_which_nothing_is_known_have_no_part(read):
    found = read()
    flat, codes = known_bins(found.target, found.truth, np.arange(len(found.codes)))
    assert np.isfinite(flat).all()
    assert len(flat) == len(codes) == int(np.isfinite(found.truth[..., 0]).sum())
