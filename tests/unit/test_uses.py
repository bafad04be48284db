"""What a trained model is used for next: a head on it, beside its twin from random weights."""

import json

import pandas as pd
import pysam
import pytest
from tiny_tasks import TRAINING, learn_regions, read_regions
from tiny_training import SETTINGS, STEP

from genoglot.errors import InputError
from genoglot.examples.store import Examples
from genoglot.tasks import curve
from genoglot.tasks.runs import best_of_rates


@pytest.mark.parametrize("mode", ["full", "probe", "lora"])
def test_a_head_on_a_trained_model(training_corpus, mode):
    folder, genome = training_corpus.folder, training_corpus.genome
    model = training_corpus.train(training={"max_tokens": 2 * STEP})
    learn_regions(model, genome, folder / "regions.bed.gz", folder / "task", SETTINGS, 40, mode=mode)
    metrics = json.loads((folder / "task" / "metrics.json").read_text())
    assert metrics["classes"] == ["CDS", "intergenic"]
    assert metrics["n_train"] == 80
    assert metrics["n_test"] == 12_000 // 64 + 1
    predictions = pd.read_parquet(folder / "task" / "predictions.parquet")
    assert set(predictions["contig"]) == {"two"}
    for kind in ("pretrained", "from_scratch", "kmer", "neighbours", "majority"):
        right = (predictions["label"] == predictions[f"{kind}_class"]).mean()
        assert metrics[kind]["accuracy"] == pytest.approx(right)
    assert json.loads((folder / "task" / "head.json").read_text())["backbone"] == "m"


def test_a_head_needs_two_classes(training_corpus):
    folder, genome = training_corpus.folder, training_corpus.genome
    model = training_corpus.train(training={"max_tokens": STEP})
    (folder / "flat.bed").write_text("one\t0\t24000\tCDS\ntwo\t0\t12000\tCDS\n")
    pysam.tabix_index(str(folder / "flat.bed"), preset="bed", force=True)
    with pytest.raises(InputError, match="fewer than two region classes"):
        read_regions(model, genome, folder / "flat.bed.gz", folder / "t", SETTINGS)


def test_few_labels_are_few_and_the_test_set_is_whole(training_corpus, monkeypatch):
    folder, genome = training_corpus.folder, training_corpus.genome
    model = training_corpus.train(training={"max_tokens": STEP})
    read_regions(model, genome, folder / "regions.bed.gz", folder / "task", SETTINGS)
    whole = Examples.load(folder / "task")
    learnt = []

    def watch(path, few, *arguments):
        learnt.append(few)
        return best_of_rates(path, few, *arguments)

    monkeypatch.setattr(curve, "best_of_rates", watch)
    few_shot = {"per_class": [2, 5], "draws": 2}
    settings = TRAINING | {"mode": "probe"}
    curve.learn_from_few(model, folder / "task", folder / "few.json", settings, few_shot, 1, 1)
    points = pd.DataFrame(json.loads((folder / "few.json").read_text())["points"])
    assert points.groupby("contestant").size().to_dict() == dict.fromkeys(
        ("from_scratch", "kmer", "neighbours", "pretrained"), 4
    )
    train = []
    for few in learnt:
        counts = few.frame.groupby(["split", pd.Series(few.truth)]).size()
        [number] = set(counts["train"]) | set(counts["validation"])
        assert number in (2, 5)
        assert (few.split == "test").sum() == (whole.split == "test").sum()
        train.append(set(few.frame[few.split == "train"][["contig", "start"]].itertuples(index=False, name=None)))
    # pretrained and from scratch learn from the same, the few are among the many, and draws differ
    assert train[0] == train[1] < train[2] == train[3]
    assert train[0] != train[4]
